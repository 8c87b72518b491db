package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"flowd/pipeline"
	"flowd/stream"
)

func TestMain(m *testing.M) {
	stream.SetDebug(true)
	goleak.VerifyTestMain(m)
}

// row is a row of the tests: number seq of a split, with a key and an event time.
type row struct{ split, seq, key, time int64 }

var rowSchema = stream.NewSchema(
	stream.ColumnDef{Name: "split", Type: stream.Type{ID: stream.BigInt, NotNull: true}},
	stream.ColumnDef{Name: "seq", Type: stream.Type{ID: stream.BigInt, NotNull: true}},
	stream.ColumnDef{Name: "key", Type: stream.Type{ID: stream.BigInt, NotNull: true}},
)

const keyColumn = 2

func rowsOf(b *stream.Batch) []row {
	out := make([]row, 0, b.Rows())
	add := func(i int) {
		r := row{b.Cols[0].I64[i], b.Cols[1].I64[i], b.Cols[2].I64[i], 0}
		if b.Time != nil {
			r.time = b.Time[i]
		}
		out = append(out, r)
	}
	if b.Sel == nil {
		for i := range b.N {
			add(i)
		}
		return out
	}
	for _, i := range b.Sel {
		add(int(i))
	}
	return out
}

// fakeSource is a source of scripted splits. Split i belongs to instance i modulo the parallelism. Tests feed and
// finish splits while it runs.
type fakeSource struct {
	mu      sync.Mutex
	splits  []*fakeSplit
	readers []*fakeReader
	opened  int
	closed  int
	// poll is how many rows a Poll returns at most.
	poll func() int
	// fail is called in the named method: Open, Reader, Poll, Split, CloseReader, Close.
	fail func(method string) error
	// bad makes the reader report a record that it could not decode before each row for which it is true.
	bad func(row) bool
	// times: rows have event times.
	timeless bool
}

type fakeSplit struct {
	id       string
	rows     []row
	next     int
	finished bool // nothing more will be fed
	behind   bool // not caught up though nothing is there: the log has more than was fetched
	paused   bool
	most     int64 // largest time returned, for tests of alignment
}

func newFakeSource(splits int) *fakeSource {
	s := &fakeSource{poll: func() int { return 100 }}
	for i := range splits {
		s.splits = append(s.splits, &fakeSplit{id: fmt.Sprintf("topic/%d", i)})
	}
	return s
}

// feed adds rows to split i: one for each time, with keys in turn.
func (s *fakeSource) feed(i int, times ...int64) {
	s.mu.Lock()
	sp := s.splits[i]
	for _, t := range times {
		seq := int64(len(sp.rows))
		sp.rows = append(sp.rows, row{int64(i), seq, seq % 17, t})
	}
	s.mu.Unlock()
	s.wake()
}

// finish says that nothing more will be fed to the splits, or to all.
func (s *fakeSource) finish(splits ...int) {
	s.mu.Lock()
	for i, sp := range s.splits {
		if len(splits) == 0 {
			sp.finished = true
		}
		for _, k := range splits {
			if k == i {
				sp.finished = true
			}
		}
	}
	s.mu.Unlock()
	s.wake()
}

func (s *fakeSource) change(i int, f func(*fakeSplit)) {
	s.mu.Lock()
	f(s.splits[i])
	s.mu.Unlock()
	s.wake()
}

// read is how many rows of split i have been polled.
func (s *fakeSource) read(i int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.splits[i].next
}

func (s *fakeSource) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.readers {
		select {
		case r.ready <- struct{}{}:
		default:
		}
	}
}

func (s *fakeSource) check(method string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(method)
}

func (s *fakeSource) Open(*stream.Context) error {
	s.opened++
	return s.check("Open")
}

func (s *fakeSource) Reader(c *stream.Context) (stream.Reader, error) {
	if err := s.check("Reader"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &fakeReader{s: s, instance: c.Instance, parallelism: c.Parallelism, ready: make(chan struct{}, 1)}
	s.readers = append(s.readers, r)
	return r, nil
}

func (s *fakeSource) Close() error { s.closed++; return s.check("Close") }

type fakeReader struct {
	s                     *fakeSource
	instance, parallelism int
	ready                 chan struct{}
	turn                  int
	closed                int
}

func (r *fakeReader) Ready() <-chan struct{} { return r.ready }

func (r *fakeReader) Splits() int {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.splits()
}

func (r *fakeReader) splits() int {
	return (len(r.s.splits) - r.instance + r.parallelism - 1) / r.parallelism
}

func (r *fakeReader) split(i int) *fakeSplit { return r.s.splits[i*r.parallelism+r.instance] }

func (r *fakeReader) Split(i int) stream.SplitState {
	_ = r.s.check("Split")
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	sp := r.split(i)
	all := sp.next == len(sp.rows)
	return stream.SplitState{
		ID: sp.id, CaughtUp: all && !sp.behind, Finished: all && sp.finished, Position: int64(sp.next), End: int64(len(sp.rows)),
	}
}

func (r *fakeReader) Pause(i int, paused bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.split(i).paused = paused
}

func (r *fakeReader) Poll(b *stream.Batch, errs *stream.RowErrors) (stream.Polled, error) {
	if err := r.s.check("Poll"); err != nil {
		return stream.Polled{}, err
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	n, end := r.splits(), true
	for k := range n {
		i := (r.turn + k) % n
		sp := r.split(i)
		if sp.next < len(sp.rows) && !sp.paused {
			r.turn = i + 1
			return r.read(i, sp, b, errs), nil
		}
		end = end && sp.finished && sp.next == len(sp.rows)
	}
	return stream.Polled{End: end && n > 0 || n == 0 && r.s.splits[0].finished}, nil
}

func (r *fakeReader) read(i int, sp *fakeSplit, b *stream.Batch, errs *stream.RowErrors) stream.Polled {
	want := max(min(r.s.poll(), b.Free()), 1)
	p := stream.Polled{Split: i}
	for _, x := range sp.rows[sp.next:] {
		if p.Rows == want {
			break
		}
		sp.next++
		if r.s.bad != nil && r.s.bad(x) {
			errs.List = append(errs.List, stream.RowError{Row: -1, Msg: "bad record", Topic: "topic", Split: int32(x.split), Offset: x.seq, Time: x.time})
			continue
		}
		b.Cols[0].AppendInt64(x.split)
		b.Cols[1].AppendInt64(x.seq)
		b.Cols[2].AppendInt64(x.key)
		if !r.s.timeless {
			b.AppendTime(x.time)
		}
		sp.most = max(sp.most, x.time)
		b.N++
		p.Rows++
	}
	return p
}

func (r *fakeReader) Close() error {
	r.closed++
	return r.s.check("CloseReader")
}

// record is what a collector keeps, in the order in which its instances saw it.
type record struct {
	mu       sync.Mutex
	rows     []row
	log      []string // "w100", "r5" (a row with time 5)
	instance map[int64]map[int]bool
	perInst  map[int][]row
	opened   int
	closed   int
	flushed  int
	finished int
	drained  int
}

func newRecord() *record {
	return &record{instance: map[int64]map[int]bool{}, perInst: map[int][]row{}}
}

func (r *record) add(instance int, rows []row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, rows...)
	r.perInst[instance] = append(r.perInst[instance], rows...)
	for _, x := range rows {
		if r.instance[x.key] == nil {
			r.instance[x.key] = map[int]bool{}
		}
		r.instance[x.key][instance] = true
		r.log = append(r.log, fmt.Sprintf("r%d", x.time))
	}
}

func (r *record) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, s)
}

func (r *record) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.log...)
}

func (r *record) count(p *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*p++
}

// collectSink keeps what is written to it.
type collectSink struct {
	rec  *record
	slow time.Duration
	fail func(method string) error
	c    *stream.Context
}

func (s *collectSink) Open(c *stream.Context) error {
	s.c = c
	s.rec.count(&s.rec.opened)
	return callFail(s.fail, "Open")
}

func (s *collectSink) Write(b *stream.Batch, _ stream.Output) error {
	s.rec.add(s.c.Instance, rowsOf(b))
	b.Release()
	if s.slow > 0 {
		select {
		case <-time.After(s.slow):
		case <-s.c.Ctx.Done():
		}
	}
	return callFail(s.fail, "Write")
}

func (s *collectSink) OnDrained() error {
	s.rec.count(&s.rec.drained)
	return callFail(s.fail, "OnDrained")
}

func (s *collectSink) Flush(context.Context) error {
	s.rec.count(&s.rec.flushed)
	return callFail(s.fail, "Flush")
}

func (s *collectSink) Close() error {
	s.rec.count(&s.rec.closed)
	return callFail(s.fail, "Close")
}

func callFail(f func(string) error, method string) error {
	if f == nil {
		return nil
	}
	return f(method)
}

// passOp passes batches on, and notes watermarks and rows if it has a record.
type passOp struct {
	rec  *record
	slow time.Duration
	fail func(method string) error
	port func(row) int // where each row goes; nil: PortMain
	c    *stream.Context
}

func (o *passOp) Open(c *stream.Context) error {
	o.c = c
	if o.rec != nil {
		o.rec.count(&o.rec.opened)
	}
	return callFail(o.fail, "Open")
}

func (o *passOp) Process(_ int, b *stream.Batch, out stream.Output) error {
	if o.slow > 0 {
		select {
		case <-time.After(o.slow):
		case <-o.c.Ctx.Done():
		}
	}
	if err := callFail(o.fail, "Process"); err != nil {
		b.Release()
		return err
	}
	if o.rec != nil {
		o.rec.add(o.c.Instance, rowsOf(b))
	}
	if o.port == nil {
		return out.Emit(stream.PortMain, b)
	}
	var sel [stream.NumPorts][]int32
	for i, x := range rowsOf(b) {
		at := int32(i)
		if b.Sel != nil {
			at = b.Sel[i]
		}
		p := o.port(x)
		sel[p] = append(sel[p], at)
	}
	for p, s := range sel {
		h := b.Share()
		h.Sel = append(h.SelBuf(), s...)
		if err := out.Emit(p, h); err != nil {
			b.Release()
			return err
		}
	}
	b.Release()
	return nil
}

func (o *passOp) OnWatermark(ms int64, _ stream.Output) error {
	if o.rec != nil {
		o.rec.note(fmt.Sprintf("w%d", ms))
	}
	return callFail(o.fail, "OnWatermark")
}

func (o *passOp) Finish(stream.Output) error {
	if o.rec != nil {
		o.rec.count(&o.rec.finished)
	}
	return callFail(o.fail, "Finish")
}

func (o *passOp) Close() error {
	if o.rec != nil {
		o.rec.count(&o.rec.closed)
	}
	return callFail(o.fail, "Close")
}

// builder makes plans.
type builder struct{ plan *pipeline.Plan }

func newPlan() *builder { return &builder{&pipeline.Plan{Name: "test", Parallelism: 1}} }

func (p *builder) add(n *pipeline.Node) int {
	n.ID = len(p.plan.Nodes)
	if n.Role == "" {
		n.Role = [...]string{"", "source", "transform", "sink"}[n.Kind]
	}
	for i := range n.Schemas {
		n.Schemas[i] = rowSchema
	}
	n.Schemas[stream.PortErrors] = stream.ErrorSchema
	p.plan.Nodes = append(p.plan.Nodes, n)
	return n.ID
}

func (p *builder) source(name string, parallelism int, s stream.Source, t *pipeline.TimeSpec) int {
	return p.add(&pipeline.Node{Step: name, Kind: pipeline.SourceNode, Parallelism: parallelism, Source: s, Time: t})
}

func (p *builder) op(name string, parallelism int, mk func() stream.Operator, in ...pipeline.Edge) int {
	return p.add(&pipeline.Node{Step: name, Kind: pipeline.OperatorNode, Parallelism: parallelism, NewOperator: mk, Inputs: in})
}

// chain is op for a stateless operator behind from.
func (p *builder) chain(name string, mk func() stream.Operator, from int) int {
	i := p.op(name, p.plan.Nodes[from].Parallelism, mk, pipeline.Edge{Node: from})
	p.plan.Nodes[i].Stateless = true
	return i
}

func (p *builder) sink(name string, parallelism int, mk func() stream.Sink, in ...pipeline.Edge) int {
	return p.add(&pipeline.Node{Step: name, Kind: pipeline.SinkNode, Parallelism: parallelism, NewSink: mk, Inputs: in})
}

func (p *builder) collect(name string, parallelism int, in ...pipeline.Edge) *record {
	rec := newRecord()
	p.sink(name, parallelism, func() stream.Sink { return &collectSink{rec: rec} }, in...)
	return rec
}

func (p *builder) job(t failer, cfg Config) *Job {
	t.Helper()
	g, err := Build(p.plan, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g.NewJob()
}

func forward(n int) pipeline.Edge { return pipeline.Edge{Node: n} }
func keyed(n int) pipeline.Edge {
	return pipeline.Edge{Node: n, Exchange: pipeline.Keyed, Key: []int{keyColumn}}
}
func rebalance(n int) pipeline.Edge { return pipeline.Edge{Node: n, Exchange: pipeline.Rebalance} }
func side(n, p int) pipeline.Edge   { return pipeline.Edge{Node: n, Port: p} }

func pass() stream.Operator { return &passOp{} }

// checkReleased fails if a batch has not come back to its pool.
func checkReleased(t failer, j *Job) {
	t.Helper()
	for i, p := range j.pools.list {
		if n := p.Out(); n != 0 {
			t.Errorf("pool %d: %d batches have not come back", i, n)
		}
	}
}

// mustRun runs j to its end.
func mustRun(t failer, j *Job) {
	t.Helper()
	if err := j.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	checkReleased(t, j)
}

// started runs j in the background. The function returned waits for its end.
func started(t failer, j *Job) (context.CancelFunc, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(cancel)
	return cancel, func() error { return <-done }
}

// times is n event times from from on, step apart.
func times(n int, from, step int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = from + int64(i)*step
	}
	return out
}

// failer is what the helpers need of a *testing.T, a *testing.B or a *rapid.T.
type failer interface {
	Helper()
	Cleanup(func())
	Errorf(string, ...any)
	Fatalf(string, ...any)
	Fatal(...any)
}

// randomly returns numbers between 1 and most.
func randomly(seed uint64, most int) func() int {
	r := rand.New(rand.NewPCG(seed, 1))
	return func() int { return 1 + r.IntN(most) }
}
