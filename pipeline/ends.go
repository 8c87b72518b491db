package pipeline

import (
	"slices"

	"flowd/operators"
	"flowd/stream"
)

// sourceEnd has the connector and the format of a source check their settings and makes the source. The first
// decoded columns of read come from the format, the others are metadata. detail is for people.
func (c *compiler) sourceEnd(u *unit, read *stream.Schema, decoded int) (s stream.Source, detail string) {
	src, kind := u.source, u.source.connector.Source
	env := operators.SourceEnv{Pipeline: c.spec.Name, Step: u.Name, Cluster: c.spec.Cluster, Rows: read, Decoded: decoded, Declared: src.Fields, NeedTime: u.times.record}
	detail = src.Connector
	if !kind.NoFormat {
		f := c.reg.Format(src.Format.String("type"))
		if f == nil || f.NewDecoder == nil {
			c.fail(u.key, "F021", "the format "+src.Format.String("type")+" cannot be read", "")
			return nil, detail
		}
		dec, problems := f.NewDecoder(src.Format, src.Fields, stream.NewSchema(read.Columns[:decoded]...))
		c.problems(u, problems)
		env.NewDecoder = dec
		detail += " " + f.Name
	}
	s, problems := kind.New(src.Connection, env)
	c.problems(u, problems)
	return s, detail
}

// sinkEnd is sourceEnd for sinks.
func (c *compiler) sinkEnd(u *unit, in *stream.Schema) (s func() stream.Sink, detail string) {
	k, kind := u.sink, u.sink.connector.Sink
	env := operators.SinkEnv{Pipeline: c.spec.Name, Step: u.Name, Cluster: c.spec.Cluster, Rows: in, Delivery: k.Delivery, Parallelism: u.Parallelism}
	detail = k.Connector
	if !kind.NoFormat {
		f := c.reg.Format(k.Format.String("type"))
		if f == nil || f.NewEncoder == nil {
			c.fail(u.key, "F021", "the format "+k.Format.String("type")+" cannot be written", "")
			return nil, detail
		}
		enc, problems := f.NewEncoder(k.Format, in)
		c.problems(u, problems)
		env.NewEncoder = enc
		detail += " " + f.Name
	}
	s, problems := kind.New(k.Connection, env)
	c.problems(u, problems)
	return s, detail
}

// checkEnds finds what is wrong with connectors and formats of a pipeline that has other errors, so that all are
// told at once. Steps whose columns are not known because of such an error are left out.
func (c *compiler) checkEnds(order []*unit) {
	wrong := func(cfgs ...*operators.Config) bool {
		return slices.ContainsFunc(cfgs, func(cfg *operators.Config) bool { return c.spec.bad[cfg] })
	}
	for _, u := range order {
		switch {
		case u.source != nil && wrong(u.source.Connection, u.source.Format), u.sink != nil && wrong(u.sink.Connection, u.sink.Format), wrong(c.spec.Cluster):
		case u.source != nil && !u.source.opaque && u.source.connector != nil:
			cols := slices.Clone(u.ports[stream.PortMain].cols)
			if u.times.computed {
				cols = cols[:len(cols)-1]
			}
			c.sourceEnd(u, stream.NewSchema(cols...), len(cols))
		case u.sink != nil && !u.sink.opaque && u.sink.connector != nil && !u.in.open && len(u.in.tainted) == 0:
			c.sinkEnd(u, stream.NewSchema(u.in.cols...))
		}
	}
}
