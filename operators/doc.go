// Package operators says what a pipeline can be made of: the field tables of connectors and formats, their
// registry, and the contracts between connectors and formats. It implements none of them and never sees YAML.
package operators
