// Package operatortest examines sources, operators and sinks: what the contracts of package stream ask of all of them is
// tested here once. It drives them from one goroutine, without an engine.
//
// Every examination runs with pools that poison what comes back, so a batch that is used after its end shows up as
// nonsense, and with pools so small that a batch that is never released is waited for in vain and reported.
package operatortest
