package realkafka

import (
	"os/exec"
	"strings"
	"testing"
)

// TestSuites runs the tests of other packages, which take the broker from FLOWD_TEST_BROKERS, against the shared
// cluster: those that need a fault of the embedded broker skip themselves.
func TestSuites(t *testing.T) {
	need(t)
	for _, c := range []struct{ pkg, run string }{
		{"flowd/operators/kafka", "."},
		{"flowd/test/e2e", "Kafka|CatchUp|BadInput"},
	} {
		t.Run(c.pkg, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", c.run, c.pkg).CombinedOutput()
			var passed, skipped int
			for l := range strings.SplitSeq(string(out), "\n") {
				switch l = strings.TrimSpace(l); {
				case strings.HasPrefix(l, "--- PASS"):
					passed++
				case strings.HasPrefix(l, "--- SKIP"):
					skipped++
				}
			}
			t.Logf("%d passed, %d skipped", passed, skipped)
			if err != nil || passed == 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
