package realkafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"flowd/test/lab"
)

// securePort is the port of the shared cluster that wants TLS and SCRAM.
type securePort struct {
	addr string
	ca   string // PEM file
}

var secure securePort

// prepare makes a certificate and returns what the broker has to know.
func (s *securePort) prepare(dir string) ([]string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	store := filepath.Join(dir, "broker.pem")
	if err := os.WriteFile(store, slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), chain), 0o600); err != nil {
		return nil, err
	}
	s.ca = filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(s.ca, chain, 0o600); err != nil {
		return nil, err
	}
	const login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	return []string{
		"listeners=PLAINTEXT://{brokers},SECURE://" + s.addr,
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL",
		"listener.name.secure.ssl.keystore.type=PEM",
		"listener.name.secure.ssl.keystore.location=" + store,
		"listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.secure.scram-sha-256.sasl.jaas.config=" + login,
		"listener.name.secure.scram-sha-512.sasl.jaas.config=" + login,
	}, nil
}

// TestSecurePort copies a topic over TLS with SCRAM, and is refused with words that help where a setting is wrong.
func TestSecurePort(t *testing.T) {
	b := open(t)
	for _, m := range []struct {
		flowd string
		kafka kadm.ScramMechanism
	}{{"scram_sha_256", kadm.ScramSha256}, {"scram_sha_512", kadm.ScramSha512}} {
		t.Run(m.flowd, func(t *testing.T) {
			user := "user_" + m.flowd
			res, err := b.Admin(t).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{User: user, Mechanism: m.kafka, Iterations: 4096, Password: "geheim"}})
			if err == nil {
				err = res.Error()
			}
			if err != nil {
				t.Fatal(err)
			}
			want := numbered(0, 500)
			in, out := b.Fill(t, "in", 2, want, nil), b.Fill(t, "out", 2, nil, nil)
			good := strings.Replace(copyOf(b, in, out, "", ""), "kafka: "+b.Addr(),
				fmt.Sprintf("kafka: {brokers: %q, tls: {ca: %s}, sasl: {mechanism: %s, username: %s, password: geheim}}", secure.addr, secure.ca, m.flowd, user), 1)
			lab.Finish(t, good)
			slices.Sort(want)
			lab.Same(t, b.Rows(t, out), want)
			for _, c := range []struct{ name, old, new, want string }{
				{"wrong password", "geheim", "falsch", "sasl.password"},
				{"unknown user", user, "nobody", `user "nobody"`},
				{"unknown authority", fmt.Sprintf("{ca: %s}", secure.ca), "true", "tls.ca"},
				{"no TLS", fmt.Sprintf("tls: {ca: %s}, ", secure.ca), "", "TLS"},
			} {
				err := lab.Start(t, lab.Compile(t, strings.Replace(good, c.old, c.new, 1))).Run(t.Context())
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), secure.addr) {
					t.Errorf("%s: %v", c.name, err)
				}
			}
		})
	}
}
