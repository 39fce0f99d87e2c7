package engine

// Survey returns everything that is wrong or doubtful about the rules of a
// version, sorted by place: what [Compile] refuses, and besides what is never or
// always true, superfluous, in conflict or likely to flap. A code that is
// [Code.Doubtful] refuses nothing.
//
// It is asked when a version is proposed. Compile is not as strict, so that a
// version which was admitted once can always be compiled again.
//
// Cost: about 1 ms a rule, and 50 µs for each pair of 100 rules.
func Survey(rules []Source, allow Allow) Errors { return new(Draft).Survey(rules, allow) }
