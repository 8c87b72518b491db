package generate

import (
	"flowd/stream"
)

// Nexmark is the benchmark of P. Tucker, K. Tufte, V. Papadimos and D. Maier, "NEXMark – a benchmark for queries over
// data streams" (2002), in the form that Apache Beam gave it and github.com/nexmark/nexmark continues: an online
// auction as one sequence of events, of which each 50 are 1 person, 3 auctions and 46 bids, in this order. The
// numbers below are that generator's defaults.
const (
	personShare  = 1
	auctionShare = 3
	bidShare     = 46
	epochEvents  = personShare + auctionShare + bidShare

	firstID       = 1000 // of persons and auctions
	firstCategory = 10
	categories    = 5

	activePersons    = 1000 // that bid and sell, the latest ones
	inFlightAuctions = 100  // that are bid on, the latest ones
	lead             = 10   // ids this far ahead of the latest may be referred to already

	hotAuctionRatio = 2 // 1 − 1/2 of the bids are on the hot auction …
	hotBidderRatio  = 4 // … and 1 − 1/4 by the hot bidder
	hotSellerRatio  = 4
	hotChannelRatio = 2
	hotEvery        = 100 // each hundredth auction or person is a hot one
	channels        = 10_000

	eventsPerSecond = 10_000 // of event time

	personBytes  = 200 // wanted size of a record, as Nexmark counts it
	auctionBytes = 500
)

// table is one of the three tables of a seed.
type table struct {
	name   string
	share  uint64 // how many of the events of an epoch are its rows …
	offset uint64 // … and the first of them
	makers []maker
}

// maker makes the values of a column for events, which number rows of its table.
type maker struct {
	name string
	typ  stream.Type
	fill func(g *nexmark, c *stream.Column, events []uint64)
}

// tables are what `nexmark` may name. The columns and their order are those of Nexmark's own table definitions.
var tables = []*table{
	{"bids", bidShare, personShare + auctionShare, []maker{
		{"auction", bigint, (*nexmark).bidAuction},
		{"bidder", bigint, (*nexmark).bidBidder},
		{"price", bigint, (*nexmark).bidPrice},
		{"channel", text, (*nexmark).bidChannel},
		{"url", text, (*nexmark).bidURL},
		{"date_time", timestamp, (*nexmark).dateTime},
		{"extra", text, (*nexmark).bidExtra},
	}},
	{"auctions", auctionShare, personShare, []maker{
		{"id", bigint, (*nexmark).auctionID},
		{"item_name", text, (*nexmark).auctionItem},
		{"description", text, (*nexmark).auctionDescription},
		{"initial_bid", bigint, (*nexmark).auctionInitialBid},
		{"reserve", bigint, (*nexmark).auctionReserve},
		{"date_time", timestamp, (*nexmark).dateTime},
		{"expires", timestamp, (*nexmark).auctionExpires},
		{"seller", bigint, (*nexmark).auctionSeller},
		{"category", bigint, (*nexmark).auctionCategory},
		{"extra", text, (*nexmark).auctionExtra},
	}},
	{"persons", personShare, 0, []maker{
		{"id", bigint, (*nexmark).personID},
		{"name", text, (*nexmark).personName},
		{"email_address", text, (*nexmark).personEmail},
		{"credit_card", text, (*nexmark).personCard},
		{"city", text, (*nexmark).personCity},
		{"state", text, (*nexmark).personState},
		{"date_time", timestamp, (*nexmark).dateTime},
		{"extra", text, (*nexmark).personExtra},
	}},
}

// timeColumn is the event time of every table.
const timeColumn = "date_time"

var (
	bigint    = stream.Type{ID: stream.BigInt}
	text      = stream.Type{ID: stream.String}
	timestamp = stream.Type{ID: stream.Timestamp, Precision: 3}
)

func tableNamed(name string) *table {
	for _, t := range tables {
		if t.name == name {
			return t
		}
	}
	return nil
}

func tableNames() []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

func (t *table) fields() []stream.Field {
	fields := make([]stream.Field, len(t.makers))
	for i, m := range t.makers {
		fields[i] = stream.Field{Name: m.name, Type: m.typ}
	}
	return fields
}

func (t *table) column(name string) *maker {
	for i := range t.makers {
		if t.makers[i].name == name {
			return &t.makers[i]
		}
	}
	return nil
}

// event is the number of the event that is row n of t.
func (t *table) event(n uint64) uint64 { return n/t.share*epochEvents + t.offset + n%t.share }

// nexmark makes columns of one table. It is immutable but for its scratch memory; a reader has its own.
type nexmark struct {
	table   *table
	columns []*maker // of the rows to make
	keys    keys
	clock   clock
	events  []uint64
	scratch []byte
}

// keys are the streams of randomness, one for each independent choice, all of one seed.
type keys struct {
	auction, bidder, price, channel, url, bidExtra       uint64
	item, description, initial, reserve, expires, seller uint64
	category, auctionExtra                               uint64
	name, email, card, city, state, personExtra          uint64
}

func newKeys(seed int64) keys {
	k := func(name string) uint64 { return keyOf(seed, name) }
	return keys{
		auction: k("bid.auction"), bidder: k("bid.bidder"), price: k("bid.price"), channel: k("bid.channel"), url: k("bid.url"), bidExtra: k("bid.extra"),
		item: k("auction.item_name"), description: k("auction.description"), initial: k("auction.initial_bid"), reserve: k("auction.reserve"),
		expires: k("auction.expires"), seller: k("auction.seller"), category: k("auction.category"), auctionExtra: k("auction.extra"),
		name: k("person.name"), email: k("person.email_address"), card: k("person.credit_card"), city: k("person.city"), state: k("person.state"),
		personExtra: k("person.extra"),
	}
}

// clock is the event time of events: start + n·num/den, in ms.
type clock struct {
	start    int64
	num, den uint64
}

func (c clock) at(n uint64) int64 { return c.start + int64(n*c.num/c.den) }

// fill appends rows, numbered as the table's, to b.
func (g *nexmark) fill(b *stream.Batch, rows []uint64, needTime bool) {
	g.events = g.events[:0]
	for _, n := range rows {
		g.events = append(g.events, g.table.event(n))
	}
	for i, m := range g.columns {
		m.fill(g, b.Cols[i], g.events)
	}
	if needTime {
		for _, n := range g.events {
			b.AppendTime(g.clock.at(n))
		}
	}
}

// lastPerson is the number, from 0, of the latest person at event n.
func lastPerson(n uint64) uint64 { return n / epochEvents }

// lastAuction is the number, from 0, of the latest auction at event n. The first auction comes with event 1, so n ≥ 1;
// before it the answer is the first one.
func lastAuction(n uint64) uint64 {
	epoch, offset := n/epochEvents, n%epochEvents
	switch {
	case offset >= personShare+auctionShare:
		return epoch*auctionShare + auctionShare - 1
	case offset >= personShare:
		return epoch*auctionShare + offset - personShare
	case epoch == 0:
		return 0
	}
	return epoch*auctionShare - 1
}

// somePerson chooses among the latest active persons and a few to come.
func somePerson(n, r uint64) uint64 {
	known := lastPerson(n) + 1
	active := min(known, activePersons)
	return known - active + below(r, active+lead)
}

// someAuction chooses among the latest auctions in flight and a few to come.
func someAuction(n, r uint64) uint64 {
	last := lastAuction(n)
	first := last - min(last, inFlightAuctions)
	return first + below(r, last-first+1+lead)
}

// dateTime is the same for all tables: event time advances with the number of the event.
func (g *nexmark) dateTime(c *stream.Column, events []uint64) {
	out := moreInts(c, len(events))
	for i, n := range events {
		out[i] = g.clock.at(n) * 1000
	}
}

// moreInts adds n rows to a KindInt64 column without NULLs and returns them to be filled.
func moreInts(c *stream.Column, n int) []int64 {
	at := len(c.I64)
	for cap(c.I64) < at+n {
		c.I64 = append(c.I64[:cap(c.I64)], 0)
	}
	c.I64 = c.I64[:at+n]
	return c.I64[at:]
}
