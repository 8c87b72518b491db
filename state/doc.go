// Package state holds keyed state: the hash that places a key, key groups, and the contract of the tables its
// children implement. It takes plain slices and knows no batch, operator or checkpoint.
package state
