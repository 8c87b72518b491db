package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"flowd/internal/kafkatest"
)

// certificate makes a certificate for 127.0.0.1 that signs itself, and the PEM file of it.
func certificate(t *testing.T, clientAuth tls.ClientAuthType) (*tls.Config, string, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kafkatest"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{ca: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, _ := x509.ParseCertificate(der)
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: clientAuth, ClientCAs: pool, RootCAs: pool}, ca, keyFile
}

// roundTrip writes a topic and reads it back with the given settings of tls and sasl.
func roundTrip(t *testing.T, b *kafkatest.Broker, o object) {
	t.Helper()
	topic := b.Topic(t, "secure", 1)
	sinkSettings := object{"topic": topic}
	sourceSettings := object{"topic": topic, "stop": object{"at": "latest"}}
	for k, v := range o {
		sinkSettings[k], sourceSettings[k] = v, v
	}
	k := newSinkTest(t, b, sinkSettings, 0).open()
	k.mustWrite(numbers("v", 0, 100)...)
	k.mustFlush()
	if got := newSourceTest(t, b, sourceSettings).open(1).readToEnd(); !slices.Equal(got, numbers("v", 0, 100)) {
		t.Errorf("got %v", got)
	}
}

// refused opens a source that must be refused quickly.
func refused(t *testing.T, b *kafkatest.Broker, o object, parts ...string) {
	t.Helper()
	o["topic"] = "x"
	began := time.Now()
	s := newSourceTest(t, b, o)
	s.src.limit = 3 * time.Second
	wantError(t, s.openError(), append(parts, b.Addrs[0])...)
	if d := time.Since(began); d > kafkatest.Timeout {
		t.Errorf("it took %s", d)
	}
}

func TestTLS(t *testing.T) {
	server, ca, _ := certificate(t, tls.NoClientCert)
	b := kafkatest.Start(t, kfake.TLS(server)).With(kgo.DialTLSConfig(&tls.Config{RootCAs: server.RootCAs}))
	roundTrip(t, b, object{"tls": object{"ca": ca}})
	refused(t, b, object{"tls": object{"enabled": true}}, "signed by an unknown authority", "tls.ca")
	refused(t, b, object{}, "TLS")
	wantError(t, newSourceTest(t, b, object{"topic": "x", "tls": object{"ca": "/nowhere.pem"}}).openError(), "kafka: tls.ca", "/nowhere.pem")
	_, other, _ := certificate(t, tls.NoClientCert)
	refused(t, b, object{"tls": object{"ca": other}}, "signed by an unknown authority")
}

func TestClientCertificate(t *testing.T) {
	server, ca, key := certificate(t, tls.RequireAndVerifyClientCert)
	b := kafkatest.Start(t, kfake.TLS(server)).With(kgo.DialTLSConfig(&tls.Config{RootCAs: server.RootCAs, Certificates: server.Certificates}))
	roundTrip(t, b, object{"tls": object{"ca": ca, "cert": ca, "key": key}})
	refused(t, b, object{"tls": object{"ca": ca}}, "client certificate")
}

func TestTLSToAPlainPort(t *testing.T) {
	b := kafkatest.Start(t)
	refused(t, b, object{"tls": object{"enabled": true}}, "TLS")
}

func TestSASL(t *testing.T) {
	for _, m := range []struct{ flowd, kafka string }{{"plain", "PLAIN"}, {"scram_sha_256", "SCRAM-SHA-256"}, {"scram_sha_512", "SCRAM-SHA-512"}} {
		t.Run(m.flowd, func(t *testing.T) {
			b := kafkatest.Start(t, kfake.EnableSASL(), kfake.Superuser(m.kafka, "alice", "secret"))
			auth := scram.Auth{User: "alice", Pass: "secret"}
			switch m.flowd {
			case "plain":
				b.With(kgo.SASL(plain.Auth{User: "alice", Pass: "secret"}.AsMechanism()))
			case "scram_sha_256":
				b.With(kgo.SASL(auth.AsSha256Mechanism()))
			default:
				b.With(kgo.SASL(auth.AsSha512Mechanism()))
			}
			sasl := func(mechanism, user, password string) object {
				return object{"sasl": object{"mechanism": mechanism, "username": user, "password": password}}
			}
			roundTrip(t, b, sasl(m.flowd, "alice", "secret"))
			began := time.Now()
			refused(t, b, sasl(m.flowd, "alice", "wrong"), `user "alice"`, "password")
			refused(t, b, sasl(m.flowd, "bob", "secret"), `user "bob"`)
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("a wrong password was tried for %s", d)
			}
			refused(t, b, object{}, "closed the connection", "sasl")
		})
	}
	b := kafkatest.Start(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret"))
	refused(t, b, object{"sasl": object{"username": "alice", "password": "secret"}}, "closed the connection", "scram_sha_512")
}

func TestSettingsOfTheClusterAreDefaults(t *testing.T) {
	def := config(object{"brokers": "a:1, b:2", "sasl": object{"username": "u", "password": "p"}, "tls": object{"enabled": true}})
	var ps problems
	c := clusterOf(config(object{"brokers": []string{"c:3"}}), def, &ps)
	if !slices.Equal(c.Brokers, []string{"c:3"}) || c.SASL == nil || c.TLS == nil || len(ps) > 0 {
		t.Errorf("%+v %v", c, ps)
	}
	c = clusterOf(config(object{"tls": object{"enabled": false}}), def, &ps)
	if !slices.Equal(c.Brokers, []string{"a:1", "b:2"}) || c.SASL.Mechanism != "scram_sha_512" || c.TLS != nil {
		t.Errorf("%+v", c)
	}
}
