package generate

import "flowd/stream"

func (g *nexmark) auctionID(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = int64(firstID + lastAuction(n))
	}
}

func (g *nexmark) appendItem(dst []byte, n uint64) []byte {
	return appendWord(dst, random(g.keys.item, n), 20, ' ')
}

func (g *nexmark) appendDescription(dst []byte, n uint64) []byte {
	return appendWord(dst, random(g.keys.description, n), 100, ' ')
}

func (g *nexmark) auctionItem(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.Bytes = g.appendItem(c.Bytes, n)
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

func (g *nexmark) auctionDescription(c *stream.Column, events []uint64) {
	for _, n := range events {
		c.Bytes = g.appendDescription(c.Bytes, n)
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

func (g *nexmark) auctionInitialBid(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = price(random(g.keys.initial, n))
	}
}

func (g *nexmark) auctionReserve(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = price(random(g.keys.initial, n)) + price(random(g.keys.reserve, n))
	}
}

// auctionExpires is on average when as many auctions have followed as are in flight.
func (g *nexmark) auctionExpires(c *stream.Column, events []uint64) {
	const ahead = inFlightAuctions * epochEvents / auctionShare
	out := moreInts(c, len(events))
	for i, n := range events {
		now := g.clock.at(n)
		horizon := uint64(g.clock.at(n+ahead) - now)
		out[i] = (now + 1 + int64(below(random(g.keys.expires, n), max(2*horizon, 1)))) * 1000
	}
}

func (g *nexmark) auctionSeller(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		hot, r := split(random(g.keys.seller, n), hotSellerRatio)
		id := lastPerson(n) / hotEvery * hotEvery
		if hot == 0 {
			id = somePerson(n, r)
		}
		out[i] = int64(firstID + id)
	}
}

func (g *nexmark) auctionCategory(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = int64(firstCategory + below(random(g.keys.category, n), categories))
	}
}

func (g *nexmark) auctionExtra(c *stream.Column, events []uint64) {
	for _, n := range events {
		g.scratch = g.appendDescription(g.appendItem(g.scratch[:0], n), n)
		c.Bytes = appendExtra(c.Bytes, random(g.keys.auctionExtra, n), auctionBytes-6*8-len(g.scratch))
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

// appendExtra adds missing letters, give or take a fifth.
func appendExtra(dst []byte, r uint64, missing int) []byte {
	if missing <= 0 {
		return dst
	}
	fifth := (missing + 2) / 5
	more, r := split(r, uint64(max(2*fifth, 1)))
	return appendLetters(dst, r, missing-fifth+int(more))
}
