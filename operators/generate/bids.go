package generate

import (
	"math/bits"
	"strconv"

	"flowd/stream"
)

// bidAuction is mostly the latest hot auction, else one in flight. Since ids run ahead by up to lead, a bid may be on an
// auction that opens within the next few events: Nexmark means to have late matches.
func (g *nexmark) bidAuction(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		hot, r := split(random(g.keys.auction, n), hotAuctionRatio)
		id := lastAuction(n) / hotEvery * hotEvery
		if hot == 0 {
			id = someAuction(n, r)
		}
		out[i] = int64(firstID + id)
	}
}

func (g *nexmark) bidBidder(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		hot, r := split(random(g.keys.bidder, n), hotBidderRatio)
		id := lastPerson(n)/hotEvery*hotEvery + 1
		if hot == 0 {
			id = somePerson(n, r)
		}
		out[i] = int64(firstID + id)
	}
}

func (g *nexmark) bidPrice(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = price(random(g.keys.price, n))
	}
}

// hotChannels are the channels of half the bids. Their numbers follow those of the other channels.
var hotChannels = [...]string{"Google", "Facebook", "Baidu", "Apple"}

// channelOf is the number of the channel of the bid that is event n.
func (g *nexmark) channelOf(n uint64) uint64 {
	hot, r := split(random(g.keys.channel, n), hotChannelRatio)
	if hot > 0 {
		return channels + below(r, uint64(len(hotChannels)))
	}
	return below(r, channels)
}

func (g *nexmark) bidChannel(c *stream.Column, events []uint64) {
	for _, n := range events {
		if ch := g.channelOf(n); ch < channels {
			c.Bytes = strconv.AppendUint(append(c.Bytes, "channel-"...), ch, 10)
		} else {
			c.Bytes = append(c.Bytes, hotChannels[ch-channels]...)
		}
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

// bidURL is one address for each channel; of those that are not hot, nine in ten name the channel in the query, with the bits
// of its number reversed.
func (g *nexmark) bidURL(c *stream.Column, events []uint64) {
	for _, n := range events {
		ch := g.channelOf(n)
		r := random(g.keys.url, ch)
		c.Bytes = append(c.Bytes, "https://www.nexmark.com/"...)
		for range 3 {
			c.Bytes = append(appendWord(c.Bytes, r, 5, '_'), '/')
			r = mix(r)
		}
		c.Bytes = append(c.Bytes, "item.htm?query=1"...)
		if ch < channels && below(r, 10) > 0 {
			id := int64(int32(bits.Reverse32(uint32(ch))))
			c.Bytes = strconv.AppendInt(append(c.Bytes, "&channel_id="...), max(id, -id), 10)
		}
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}

// bidExtra pads bids to 200 bytes of JSON on average, the size most published measurements use. Nexmark itself counts
// 8 bytes for each number, leaves the texts out, and arrives at about 265.
func (g *nexmark) bidExtra(c *stream.Column, events []uint64) {
	const least, spread = 6, 10
	for _, n := range events {
		more, r := split(random(g.keys.bidExtra, n), spread)
		c.Bytes = appendLetters(c.Bytes, r, least+int(more))
		c.Off = append(c.Off, uint32(len(c.Bytes)))
	}
}
