package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

const (
	// callTimeout bounds a request that the broker answers at once, its connection included.
	callTimeout = 10 * time.Second
	// startLimit is how long a source or sink tries to reach its cluster when it starts.
	startLimit = 30 * time.Second
	// dubiousPart is the part of a limit for which what is probably a wrong setting is tried.
	dubiousPart = 6
	// anyBroker is for requests that any broker answers.
	anyBroker int32 = -1
)

// client is a pool of connections to a cluster. Its methods may be called by several goroutines.
type client struct {
	cluster   *cluster
	transport *kafkago.Transport
	dialer    *dialer
	addr      net.Addr
	cancel    context.CancelFunc
	auth      authStage
	log       zerolog.Logger
	reached   *atomic.Bool                     // whether the cluster has ever answered; shared with twins
	versions  map[protocol.ApiKey]versionRange // of the first broker that answered
}

type versionRange struct{ min, max int16 }

// supported is the versions of each API that this package can speak. The choice per connection is made by kafka-go
// (its own maxima are the same), except for Metadata, where kafka-go ends at 8 and topic ids begin at 10.
var supported = map[protocol.ApiKey]versionRange{
	protocol.Produce:         {3, 8},
	protocol.Fetch:           {4, 11},
	protocol.ListOffsets:     {2, 5},
	protocol.Metadata:        {5, 12},
	protocol.OffsetCommit:    {2, 7},
	protocol.OffsetFetch:     {1, 5},
	protocol.FindCoordinator: {0, 2},
	protocol.InitProducerId:  {0, 4},
	protocol.DescribeConfigs: {0, 3},
}

// newClient makes a client. It connects when first used. topics, if known, keep the transport's own metadata small.
func newClient(cluster *cluster, topics []string, log zerolog.Logger) (*client, error) {
	t := &kafkago.Transport{
		ClientID:       clientID,
		DialTimeout:    5 * time.Second,
		IdleTimeout:    5 * time.Minute,
		MetadataTTL:    5 * time.Second, // only broker addresses are taken from it
		MetadataTopics: topics,
	}
	if cluster.TLS != nil {
		cfg, err := cluster.TLS.config()
		if err != nil {
			return nil, err
		}
		t.TLS = cfg
	}
	if cluster.SASL != nil {
		m, err := cluster.SASL.mechanism()
		if err != nil {
			return nil, err
		}
		t.SASL = m
	}
	c := &client{
		cluster: cluster, transport: t, dialer: newDialer(), addr: kafkago.TCP(cluster.Brokers...), log: log, reached: new(atomic.Bool),
	}
	if t.SASL != nil {
		t.SASL = &watchedMechanism{t.SASL, &c.auth}
	}
	t.Dial = c.dialer.dial
	t.Context, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// close ends all connections and waits for them. No call may be running except cancelled ones.
func (c *client) close() {
	c.cancel()
	c.transport.CloseIdleConnections()
	c.dialer.close()
}

// twin is a new client for the same cluster, with the versions already known.
func (c *client) twin(topics []string) (*client, error) {
	n, err := newClient(c.cluster, topics, c.log)
	if err == nil {
		n.versions, n.reached = c.versions, c.reached
	}
	return n, err
}

func (t *tlsFiles) config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, settingErrorf("tls.ca: %v", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, settingErrorf("tls.ca: %s holds no PEM certificate", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, settingErrorf("tls.cert and tls.key: %v", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func (s *credentials) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "plain":
		return plain.Mechanism{Username: s.Username, Password: s.Password}, nil
	case "scram_sha_256", "scram_sha_512":
		algo := scram.SHA256
		if s.Mechanism == "scram_sha_512" {
			algo = scram.SHA512
		}
		m, err := scram.Mechanism(algo, s.Username, s.Password)
		if err != nil {
			return nil, settingErrorf("sasl.username or sasl.password: %v", err)
		}
		return m, nil
	}
	return nil, settingErrorf("sasl.mechanism %q: expected one of %s", s.Mechanism, strings.Join(mechanisms, ", "))
}

// call is a request of a type that kafka-go knows, sent to a broker of our choice and past the transport's caches.
type call struct {
	req     protocol.Message
	broker  int32
	version int16
}

var (
	_ protocol.RawExchanger    = (*call)(nil)
	_ protocol.PreparedMessage = (*call)(nil)
	_ protocol.BrokerMessage   = (*call)(nil)
)

func (c *call) ApiKey() protocol.ApiKey                 { return c.req.ApiKey() } //nolint:revive // the name is kafka-go's
func (c *call) Required(map[protocol.ApiKey]int16) bool { return true }
func (c *call) Prepare(version int16)                   { c.version = version }
func (c *call) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: c.broker}, nil
}

func (c *call) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	return protocol.RoundTrip(rw, c.version, 1, clientID, c.req)
}

// do sends one request and waits for its answer, at most for timeout. A message that was cancelled or timed out may
// still be used by the connection: it and its buffers must never be used again.
func (c *client) do(ctx context.Context, timeout time.Duration, req protocol.Message) (protocol.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res, err := c.transport.RoundTrip(ctx, c.addr, req)
	if err != nil {
		return nil, err
	}
	return res, nil
}

// ask sends a request of kafka-go's types to a broker.
func ask[R protocol.Message](ctx context.Context, c *client, broker int32, req protocol.Message) (R, error) {
	var none R
	res, err := c.do(ctx, callTimeout, &call{req: req, broker: broker})
	if err != nil {
		return none, err
	}
	r, ok := res.(R)
	if !ok {
		return none, fmt.Errorf("%w: %T", errFrame, res)
	}
	return r, nil
}

// start connects, authenticates and compares versions. It tries for limit and then says what it tried and why it failed;
// what no waiting can mend it reports at once. needs are the APIs that must be there.
func (c *client) start(ctx context.Context, limit time.Duration, needs ...protocol.ApiKey) error {
	return c.retry(ctx, limit, func(ctx context.Context) error {
		res, err := ask[*apiversions.Response](ctx, c, anyBroker, &apiversions.Request{})
		if err != nil {
			return err
		}
		if err := codeError(res.ErrorCode); err != nil {
			return err
		}
		c.versions = map[protocol.ApiKey]versionRange{}
		for _, k := range res.ApiKeys {
			c.versions[protocol.ApiKey(k.ApiKey)] = versionRange{k.MinVersion, k.MaxVersion}
		}
		if err := c.checkVersions(append(needs, protocol.Metadata)); err != nil {
			return err
		}
		_, err = c.metadata(ctx, []string{}) // some brokers answer ApiVersions before they ask who we are
		return err
	})
}

// retry calls f until it succeeds, fails for good, or limit has passed. The first failure that is tried again is logged.
func (c *client) retry(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var b backoff
	cause, away, told := "", false, false
	for {
		err := f(bounded)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		class, why := c.classify(err)
		if cause == "" || bounded.Err() == nil {
			cause, away = why, isUnreachable(err) // what an attempt says that was cut short by the limit is no news
		}
		wait := b.wait()
		spent := time.Since(began)
		if class == final || class == dubious && spent+wait > limit/dubiousPart || spent+wait > limit {
			err = fmt.Errorf("kafka %s: %s", strings.Join(c.cluster.Brokers, ","), cause)
			if class != final {
				err = fmt.Errorf("%w (tried for %s)", err, spent.Round(100*time.Millisecond))
			}
			if away && !c.reached.Load() {
				err = fmt.Errorf("%w; is the broker running? Check kafka: or brokers: in the pipeline, or KAFKA_BROKERS; `flowd dev` needs none", err)
			}
			return err
		}
		if !told {
			told = true
			c.warn(class, away, why, limit)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// warn tells of the first attempt that failed: nothing else is heard until the last one has.
func (c *client) warn(class errorClass, away bool, why string, limit time.Duration) {
	if class == dubious {
		limit /= dubiousPart
	}
	msg := "kafka: a request fails, trying again"
	if away {
		msg = "kafka: cannot reach the broker, trying again"
	}
	c.log.Warn().Strs("brokers", c.cluster.Brokers).Str("err", why).Stringer("for", limit).Msg(msg)
}

func (c *client) checkVersions(needs []protocol.ApiKey) error {
	for _, key := range needs {
		want := supported[key]
		have, ok := c.versions[key]
		switch {
		case !ok:
			return settingErrorf("the broker does not offer the %s API; flowd needs Apache Kafka 1.0 or later, or a service that speaks its protocol", key)
		case have.max < want.min:
			return settingErrorf("the broker is too old: it speaks %s up to version %d, flowd needs %d (Apache Kafka 1.0 or later)", key, have.max, want.min)
		case have.min > want.max:
			return settingErrorf("the broker is too new: it speaks %s from version %d on, this flowd only up to %d; use a newer flowd", key, have.min, want.max)
		}
	}
	return nil
}

// version is the highest version of key that both sides speak.
func (c *client) version(key protocol.ApiKey) int16 {
	return min(c.versions[key].max, supported[key].max)
}

// isCancelled says whether err only tells that ctx has ended.
func isCancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}
