package generate

import "flowd/stream"

var (
	firstNames = [...]string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames  = [...]string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities     = [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states     = [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
)

func (g *nexmark) personID(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = int64(firstID + lastPerson(n))
	}
}

func (g *nexmark) appendName(dst []byte, n uint64) []byte {
	first, r := split(random(g.keys.name, n), uint64(len(firstNames)))
	dst = append(append(dst, firstNames[first]...), ' ')
	return append(dst, lastNames[below(r, uint64(len(lastNames)))]...)
}

func (g *nexmark) appendEmail(dst []byte, n uint64) []byte {
	r := random(g.keys.email, n)
	dst = append(appendWord(dst, r, 7, '_'), '@')
	return append(appendWord(dst, mix(r), 5, '_'), ".com"...)
}

func (g *nexmark) appendCard(dst []byte, n uint64) []byte {
	r := random(g.keys.card, n)
	for i := range 4 {
		var four uint64
		if four, r = split(r, 10_000); i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, '0'+byte(four/1000), '0'+byte(four/100%10), '0'+byte(four/10%10), '0'+byte(four%10))
	}
	return dst
}

func (g *nexmark) cityOf(n uint64) string {
	return cities[below(random(g.keys.city, n), uint64(len(cities)))]
}

func (g *nexmark) personName(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.Bytes = g.appendName(c.Bytes, n)
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

func (g *nexmark) personEmail(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.Bytes = g.appendEmail(c.Bytes, n)
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

func (g *nexmark) personCard(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.Bytes = g.appendCard(c.Bytes, n)
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

func (g *nexmark) personCity(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.AppendString(g.cityOf(n))
	}
}

func (g *nexmark) personState(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.AppendString(states[below(random(g.keys.state, n), uint64(len(states)))])
	}
}

func (g *nexmark) personExtra(c *stream.Column, events []uint64) {
	const fixed = 8 + 19 + 2 // id, credit card and state
	for _, n := range events {
		g.scratch = g.appendEmail(g.appendName(g.scratch[:0], n), n)
		c.Bytes = appendExtra(c.Bytes, random(g.keys.personExtra, n), personBytes-fixed-len(g.scratch)-len(g.cityOf(n)))
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}
