// Package realkafka starts an Apache Kafka from its Maven artifacts for tests: KRaft, controller and broker as two
// processes on loopback, so that the broker can be killed and started again. It is no client.
package realkafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Version is the Apache Kafka that tests run against.
const Version = "4.3.1"

const log4j = "2.24.3"

// Libs returns the folder of Kafka's jars, fetched once with Maven into the user's cache.
func Libs(ctx context.Context) (string, error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("a real Kafka needs %s: install openjdk-17-jdk-headless and maven: %w", tool, err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "flowd", "kafka-"+Version)
	libs := filepath.Join(dir, "libs")
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return libs, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(libs, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom()), 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"),
		"dependency:copy-dependencies", "-DoutputDirectory="+libs)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetching Kafka %s with Maven: %w\n%s", Version, err, out)
	}
	return libs, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
}

func pom() string {
	var deps strings.Builder
	for _, d := range [][3]string{
		{"org.apache.kafka", "kafka_2.13", Version},
		{"org.apache.kafka", "kafka-tools", Version},
		{"org.apache.logging.log4j", "log4j-core", log4j},
		{"org.apache.logging.log4j", "log4j-slf4j-impl", log4j},
	} {
		fmt.Fprintf(&deps, "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n", d[0], d[1], d[2])
	}
	return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>flowd.test</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>
` + deps.String() + `</dependencies></project>
`
}
