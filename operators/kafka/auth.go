package kafka

import (
	"context"
	"sync/atomic"

	"github.com/segmentio/kafka-go/sasl"
)

// authStage knows whether the last connection was about to authenticate: some brokers refuse a password by closing the
// connection, which looks like any other lost connection.
type authStage struct{ waiting atomic.Bool }

func (a *authStage) pending() bool { return a.waiting.Load() }

// watchedMechanism tells an authStage where its exchanges stand.
type watchedMechanism struct {
	sasl.Mechanism
	stage *authStage
}

func (m *watchedMechanism) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	m.stage.waiting.Store(true)
	s, first, err := m.Mechanism.Start(ctx)
	return &watchedExchange{s, m.stage}, first, err
}

type watchedExchange struct {
	sasl.StateMachine
	stage *authStage
}

func (e *watchedExchange) Next(ctx context.Context, challenge []byte) (bool, []byte, error) {
	done, answer, err := e.StateMachine.Next(ctx, challenge)
	if done && err == nil {
		e.stage.waiting.Store(false)
	}
	return done, answer, err
}
