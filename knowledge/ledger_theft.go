package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxThefts is how many keys a ledger remembers as stolen.
	maxThefts = 256
	// taintGrace is how long a bundle whose approvals are in doubt may go on to
	// act: enough to approve it again, with people asleep.
	taintGrace = 24 * time.Hour
)

// review is a person's last look at the register.
type review struct {
	digest string
	at     time.Time
}

// theft is a key that somebody else had from an instant on.
type theft struct {
	key   Key
	since time.Time
	by    string // who said so
}

const theftWords = "compromised-since "

// CompromisedSince returns the meaning of a review by which one of the root
// people declares that somebody else has had a key since an instant. Nothing
// that it signed from then on counts, whatever it is dated: when a paper came in
// decides. A bundle whose activation rested on it is tainted at once, and does
// nothing from a day later on unless it was approved again.
//
// It is a review, not a line of the register, because the register's form has no
// place for it. One person may say it, as one may stop: it only takes away.
func CompromisedSince(k Key, since time.Time) string {
	return theftWords + formatTime(since) + " " + ssh.FingerprintSHA256(k.public)
}

// readTheft returns the theft that a review's meaning declares; ok is false when
// it declares none.
func (l *Ledger) readTheft(s Statement) (t theft, ok bool, err error) {
	rest, ok := strings.CutPrefix(s.Field("meaning"), theftWords)
	if !ok {
		return theft{}, false, nil
	}
	when, print, _ := strings.Cut(rest, " ")
	if t.since, err = parseTime(when); err != nil {
		return theft{}, true, err
	}
	for _, r := range l.chain.Versions {
		for _, k := range r.allKeys() {
			if ssh.FingerprintSHA256(k.public) == print {
				t.key, t.by = k, s.Field("person")
				return t, true, nil
			}
		}
	}
	return theft{}, true, fmt.Errorf("no version of the register has a key with the fingerprint %s", print)
}

// admitReview judges a look at the register, which may be due after a
// break-glass, or may say that a key was stolen.
func (l *Ledger) admitReview(s Statement, r receipt) (func(time.Time), error) {
	_, trust := l.chain.Current()
	stolen, is, err := l.readTheft(s)
	register, _ := l.chain.Current()
	who, _ := register.Person(s.Field("person"))
	switch {
	case err != nil:
		return nil, err
	case is && !who.Has("root"):
		return nil, fmt.Errorf("%s does not hold the role root", who.ID)
	case is && len(l.thefts) == maxThefts:
		return nil, fmt.Errorf("%d keys are known as stolen already, want a new register", maxThefts)
	case is && slices.ContainsFunc(l.thefts, func(t theft) bool { return t.key.equal(stolen.key) && !stolen.since.Before(t.since) }):
		return nil, ErrKnown
	case !is && s.Field("trust") != trust:
		return nil, fmt.Errorf("review names the register %s, in force is %s", s.Field("trust"), trust)
	case !is && !s.Time("time").After(l.reviews[who.ID].at):
		return nil, fmt.Errorf("%s has signed a review of %s", who.ID, formatTime(l.reviews[who.ID].at))
	}
	return func(at time.Time) {
		if !is {
			l.reviews[who.ID] = review{r.digest, s.Time("time")}
		}
		if d := l.owed; !is && d != nil && !slices.Contains(d.openers, who.ID) && !s.Time("time").Before(d.since) {
			l.owed = nil
		}
		if is {
			l.thefts = append(l.thefts, stolen)
			l.generation++
			l.doubt(at)
		}
	}, nil
}

// believed returns a text without the signatures by keys that were stolen when
// it came in.
func (l *Ledger) believed(t SignedText, at time.Time) SignedText {
	if len(l.thefts) == 0 {
		return t
	}
	t.Signatures = slices.DeleteFunc(slices.Clone(t.Signatures), func(armoured []byte) bool {
		s, err := parseSignature(armoured)
		return err == nil && slices.ContainsFunc(l.thefts, func(x theft) bool { return x.key.equal(s.key) && !at.Before(x.since) })
	})
	return t
}

// doubt marks what is live, if its activation rested on a key that was stolen.
func (l *Ledger) doubt(at time.Time) {
	why := ""
	if l.carrier != nil {
		why = l.taint(l.carrier)
	}
	if o := l.undo; why == "" && o != nil && len(l.believed(o.SignedText, o.at).Signatures) == 0 {
		why = "the rollback to it was signed by a key that was stolen"
	}
	if why != "" && l.live.Tainted == "" {
		l.live.Tainted, l.live.Observe = why, at.Add(taintGrace)
	}
}

// taint says why a change that began would not begin with what is known now of
// stolen keys, "" when it would.
func (l *Ledger) taint(c *change) string {
	if len(l.thefts) == 0 || c.began.IsZero() {
		return ""
	}
	if c.doubted != l.generation {
		c.doubted, c.doubt = l.generation, ""
		then := &Chain{l.chain.Versions[:c.under], l.chain.Digests[:c.under]}
		if v := then.judge(l.asBegun(c)); !v.Accepted {
			c.doubt = "its approvals rest on a key that was stolen: " + strings.Join(v.Reasons, "; ")
		}
	}
	return c.doubt
}

var errNoEnv = errors.New("the people register names no such environment yet, or two of its name")
