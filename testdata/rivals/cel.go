package main

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// celResult has a program for each rule, compiled, checked and optimized, and
// facts as activations of CEL's own values: nothing is converted while the clock
// runs.
func celResult(w *world) (*result, error) {
	words := []cel.EnvOption{cel.Variable("F_Member", cel.StringType)}
	for _, word := range w.Words {
		words = append(words, cel.Variable(flat(word), cel.DoubleType))
	}
	env, err := cel.NewEnv(words...)
	if err != nil {
		return nil, err
	}
	programs := make([]cel.Program, len(w.When))
	for i, when := range w.When {
		ast, issues := env.Compile(expression(when))
		if issues.Err() != nil {
			return nil, issues.Err()
		}
		if programs[i], err = env.Program(ast, cel.EvalOptions(cel.OptOptimize)); err != nil {
			return nil, err
		}
	}
	facts := make([]cel.Activation, len(w.Facts))
	for i, f := range w.Facts {
		values := map[string]any{"F_Member": types.String(f.Member)}
		for k, v := range f.Values {
			values[flat(w.Words[k])] = types.Double(v)
		}
		if facts[i], err = cel.NewActivation(values); err != nil {
			return nil, err
		}
	}
	return measure(len(facts), func(fact int, rule func(int)) error {
		for i, p := range programs {
			out, _, err := p.Eval(facts[fact])
			if err != nil {
				return fmt.Errorf("rule %d: %w", i, err)
			}
			if out == types.True {
				rule(i)
			}
		}
		return nil
	})
}
