package main

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// exprResult has a program for each rule, compiled for the types of the words, one
// machine that is used again, and facts as maps: expr reads structs ten times
// slower.
func exprResult(w *world) (*result, error) {
	facts := make([]map[string]any, len(w.Facts))
	for i, f := range w.Facts {
		facts[i] = map[string]any{"F_Member": f.Member}
		for k, v := range f.Values {
			facts[i][flat(w.Words[k])] = v
		}
	}
	programs := make([]*vm.Program, len(w.When))
	for i, when := range w.When {
		var err error
		if programs[i], err = expr.Compile(expression(when), expr.Env(facts[0]), expr.AsBool()); err != nil {
			return nil, err
		}
	}
	var machine vm.VM
	return measure(len(facts), func(fact int, rule func(int)) error {
		for i, p := range programs {
			out, err := machine.Run(p, facts[fact])
			if err != nil {
				return fmt.Errorf("rule %d: %w", i, err)
			}
			if out == true {
				rule(i)
			}
		}
		return nil
	})
}
