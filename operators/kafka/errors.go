package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	kafkago "github.com/segmentio/kafka-go"

	"flowd/stream"
)

// Error codes of the Kafka protocol that this package decides on.
const (
	codeNone                  int16 = 0
	codeOffsetOutOfRange      int16 = 1
	codeUnknownTopic          int16 = 3
	codeMessageTooLarge       int16 = 10
	codeRecordListTooLarge    int16 = 18
	codeTopicAuthorization    int16 = 29
	codeClusterAuthorization  int16 = 31
	codeOutOfOrderSequence    int16 = 45
	codeDuplicateSequence     int16 = 46
	codeInvalidProducerEpoch  int16 = 47
	codeInvalidProducerMap    int16 = 49
	codeUnknownProducer       int16 = 59
	codeGroupNotFound         int16 = 69
	codeNotEnoughReplicasDone int16 = 20
)

// codeError is an error code of a broker with its name.
func codeError(code int16) error {
	if code == 0 {
		return nil
	}
	return kafkago.Error(code)
}

// codeText names a code for people: "Not Leader For Partition (6)".
func codeText(code int16) string {
	e := kafkago.Error(code)
	if t := e.Title(); t != "" {
		return fmt.Sprintf("%s (error %d)", t, code)
	}
	return fmt.Sprintf("error %d", code)
}

// retriable says whether a partition or request that got code may do better later.
func retriable(code int16) bool {
	switch code {
	case 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 72, 74, 75, 76, 78, 79, 100, 103, -1, 2:
		return true
	}
	return false
}

// errorClass is what an error of a connection attempt means for trying again.
type errorClass uint8

const (
	passing errorClass = iota // an unreachable or restarting broker
	dubious                   // probably a wrong setting, perhaps a broker that is just starting
	final                     // a wrong setting
)

// classify says what err means, in words for the person who wrote the settings.
func (c *client) classify(err error) (errorClass, string) {
	cl := c.cluster
	var (
		code     kafkago.Error
		record   tls.RecordHeaderError
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		dns      *net.DNSError
		alert    tls.AlertError
		settings *settingError
	)
	switch {
	case errors.As(err, &settings):
		return final, err.Error()
	case errors.As(err, &code):
		switch code {
		case kafkago.SASLAuthenticationFailed:
			return final, fmt.Sprintf("the broker refused user %q or its password; check sasl.username, sasl.password and sasl.mechanism (now %s)", cl.user(), cl.mechanism())
		case kafkago.UnsupportedSASLMechanism, kafkago.IllegalSASLState:
			return final, fmt.Sprintf("the broker does not offer SASL mechanism %s on this port; set sasl.mechanism to one of %s that it offers", cl.mechanism(), strings.Join(mechanisms, ", "))
		case kafkago.TopicAuthorizationFailed, kafkago.GroupAuthorizationFailed, kafkago.ClusterAuthorizationFailed:
			return final, fmt.Sprintf("%s: user %q lacks the right; the cluster's administrator can grant it", codeText(int16(code)), cl.user())
		}
		if retriable(int16(code)) {
			return passing, codeText(int16(code))
		}
		return final, codeText(int16(code))
	case strings.Contains(err.Error(), "appears to be expecting TLS"):
		return final, "the broker expects TLS on this port; set tls: true, or use its plain port"
	case errors.As(err, &record):
		return final, "the broker does not speak TLS on this port; leave tls out, or use its TLS port"
	case errors.As(err, &unknown):
		return final, "the broker's certificate is signed by an unknown authority; set tls.ca to the PEM file of that authority"
	case errors.As(err, &host), errors.As(err, &invalid):
		return final, "the broker's certificate is not valid for this address: " + rootCause(err).Error()
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls"):
		return final, "the broker ended the TLS handshake: " + rootCause(err).Error() + "; it may ask for a client certificate (tls.cert and tls.key)"
	case strings.Contains(err.Error(), "SCRAM") || strings.Contains(err.Error(), "scram"):
		return final, "SCRAM authentication of user " + cl.user() + ": " + err.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return dubious, fmt.Sprintf("host %q is unknown", dns.Name)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		if c.reached.Load() {
			return passing, "the broker closed the connection"
		}
		return dubious, "the broker closed the connection" + c.closedHint()
	case errors.Is(err, syscall.ECONNREFUSED):
		return passing, "nothing listens on the address (connection refused)"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		if cl.TLS != nil && !c.reached.Load() {
			return passing, "no answer in time; if its port does not speak TLS, leave tls out"
		}
		return passing, "no answer in time"
	}
	return passing, err.Error()
}

// closedHint guesses why a broker that never answered closes a connection without a word, from how far the last one
// came. One that has answered before is just going down.
func (c *client) closedHint() string {
	cl := c.cluster
	switch {
	case c.auth.pending():
		return fmt.Sprintf(" while user %q authenticated; check sasl.username, sasl.password and sasl.mechanism (now %s)", cl.user(), cl.mechanism())
	case cl.TLS != nil:
		return "; its port may not speak TLS"
	case cl.SASL == nil:
		return "; it may expect TLS (tls: true) or authentication (sasl)"
	}
	return fmt.Sprintf("; it may expect TLS (tls: true), or not offer SASL mechanism %s", cl.mechanism())
}

func (c *cluster) user() string {
	if c.SASL == nil {
		return "ANONYMOUS"
	}
	return c.SASL.Username
}

func (c *cluster) mechanism() string {
	if c.SASL == nil {
		return "none"
	}
	return c.SASL.Mechanism
}

// isUnreachable says whether no connection came about, or nothing was heard on it.
func isUnreachable(err error) bool {
	var (
		op  *net.OpError
		dns *net.DNSError
	)
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.Is(err, context.DeadlineExceeded)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// settingError is a setting that cannot work, found when it is used.
type settingError struct{ msg string }

func (e *settingError) Error() string { return e.msg }

func settingErrorf(format string, args ...any) error {
	return &settingError{fmt.Sprintf(format, args...)}
}

func permanentf(format string, args ...any) error {
	return stream.Permanent(fmt.Errorf(format, args...))
}
