package scim

// Shape returns the filter as [Filter.String] does but with ? in place of all
// that the client chose: values, and attributes that no schema defines. It is
// what logs may hold of a filter (RFC 7644 7.5.2). f is resolved; of one that is
// not, the operators alone are shown.
func (f *Filter) Shape() string { return string(f.appendShape(nil)) }

func (f *Filter) appendShape(b []byte) []byte {
	switch f.Op {
	case OpAnd, OpOr:
		for i, arg := range f.Args {
			if i > 0 {
				b = append(b, " "+f.Op.String()+" "...)
			}
			if arg.Op == OpOr || arg.Op == f.Op {
				b = append(arg.appendShape(append(b, '(')), ')')
			} else {
				b = arg.appendShape(b)
			}
		}
		return b
	case OpNot:
		return append(f.Args[0].appendShape(append(b, "not ("...)), ')')
	case OpHas:
		return append(f.Args[0].appendShape(append(f.appendName(b), '[')), ']')
	case OpPr:
		return append(f.appendName(b), " pr"...)
	case OpTrue, OpFalse:
		return append(b, f.Op.String()...)
	}
	return append(f.appendName(b), " "+f.Op.String()+" ?"...)
}

// appendName appends the path of a term as the schemas spell it.
func (f *Filter) appendName(b []byte) []byte {
	if f.bound == nil || f.bound.leaf == nil || f.bound.place.attr == nil {
		return append(b, '?')
	}
	at := f.bound.place
	switch {
	case f.bound.inner && at.sub == nil: // an element of a list of plain values
		return append(b, "value"...)
	case f.bound.inner:
		return at.sub.appendDefined(b)
	case at.path.Schema != "" && at.schema != nil:
		b = append(append(b, at.schema.ID...), ':')
	}
	b = at.attr.appendDefined(b)
	if at.sub != nil {
		b = at.sub.appendDefined(append(b, '.'))
	}
	return b
}

// appendDefined appends the attribute's name, or ? for one that a client made up.
func (a *Attribute) appendDefined(b []byte) []byte {
	if a.Type == TypeAny {
		return append(b, '?')
	}
	return append(b, a.Name...)
}
