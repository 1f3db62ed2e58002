// Package scim is the vocabulary of rollcall: JSON values, schemas, resources,
// paths, filters and errors, in the names of SCIM 2.0 (RFC 7643, RFC 7644). It
// is pure data and algebra, without I/O and without a clock, and is used by
// every other package.
package scim
