package directory

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall-directory/rollcall/internal/scim"
	"github.com/rollcall-directory/rollcall/internal/store"
)

// policies are those that an environment, or one of its populations, can have
// in the place of the directory's (pingone B56, B57). They say what a password
// is like and that it is not the present one; how long it lasts and how often
// it may be guessed is the directory's to say.
var policies = map[string]Policy{
	"standard": {MinLength: 8, MaxLength: 255, Lower: 1, Capitals: 1, Digits: 1, Special: 1, Repeated: 2, Unique: 5,
		NotCommon: true, NotProfile: true, Distance: 3, History: 1},
	"basic": {MinLength: 8, MaxLength: 255, NotCommon: true, History: 1},
}

// PolicyNames returns the names of the password policies that environments and
// populations can be given.
func PolicyNames() []string { return []string{"standard", "basic"} }

// common are passwords that many people have, or what is left of them without
// what is put before and after to please a policy.
var common = strings.Fields(`12345678 123456789 1234567890 0123456789 87654321 987654321 11111111 00000000 88888888 12341234 11223344 12344321
	abc abcd abcdefg abcdefgh abcdefghi admin administrator adobe alexander andrea andrew angel anthony asdf asdfasdf asdfgh asdfghjk asdfghjkl ashley
	azerty azertyuiop bailey baseball basketball batman blink butterfly changeme charlie cheese chelsea chocolate computer cookie corvette daniel
	default diamond dragon elephant facebook flower football forever freedom fuckyou gandalf ginger google guest hannah harley hello helloworld
	hockey hunter iloveu iloveyou internet jasmine jennifer jessica jordan joshua killer letmein liverpool login lovely loveme maggie marina
	master matrix matthew maverick mercedes merlin michael michelle microsoft midnight monkey mustang mynoob naruto nicole ninja nothing oliver
	orange password passwort password passwords patrick pepper phoenix pokemon princess purple qazwsx qazwsxedc qwer qwert qwerty qwertyui
	qwertyuiop ranger robert rockyou samantha samsung scooter secret shadow silver slipknot snoopy soccer spiderman starwars startrek steelers summer
	sunshine superman superstar taylor temp tigger test tester testing thomas thunder tinkerbell trustno user victoria vanessa welcome whatever
	william winter wizard yankees zaq xsw zxcvbn zxcvbnm`)

// plain undoes what letters are commonly disguised as.
var plain = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// isCommon reports whether the password is one that many people have.
func isCommon(password string) bool {
	folded := scim.Fold(password)
	outside := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, text := range []string{folded, strings.TrimFunc(folded, outside), strings.TrimFunc(plain.Replace(strings.TrimRightFunc(folded, outside)), outside)} {
		if slices.Contains(common, text) {
			return true
		}
	}
	return false
}

// inProfile reports whether a text of the attributes is the password.
func inProfile(password string, v scim.Value) bool {
	switch v.Kind() {
	case scim.String:
		return scim.Fold(v.Text()) == scim.Fold(password)
	case scim.Array:
		return slices.ContainsFunc(v.List(), func(item scim.Value) bool { return inProfile(password, item) })
	case scim.ObjectKind:
		return slices.ContainsFunc(v.Object().Members, func(m scim.Member) bool { return inProfile(password, m.Value) })
	}
	return false
}

// longestRun returns how many equal characters stand in a row at most.
func longestRun(text string) (longest int) {
	var last rune
	run := 0
	for _, r := range text {
		if r != last {
			run = 0
		}
		last = r
		run++
		longest = max(longest, run)
	}
	return longest
}

// differentCharacters returns how many characters the text has, each counted once.
func differentCharacters(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}

// distance returns how many characters must be added, left out or replaced to
// make b of a (Levenshtein).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			cost := diagonal
			if r != s {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(to)]
}

// assigned says which policies an environment and its populations have, by the
// id of the population; empty is the environment's.
type assigned map[string]string

// policySetting is the member of an environment's settings that holds assigned.
const policySetting = "password_policies"

func readAssigned(t *store.Tenant) (assigned, error) {
	settings, err := readSettings(t)
	if err != nil || settings[policySetting] == nil {
		return assigned{}, err
	}
	out := assigned{}
	return out, json.Unmarshal(settings[policySetting], &out)
}

// SetPolicy gives a population of the environment, or with an empty id the
// environment, the password policy of this name; with an empty name, takes it
// away. A population without one has the environment's, an environment without
// one the directory's. Passwords that are there stay.
//
// Errors: RuleNotFound; RuleCanonical for a name that is none.
func (d *Directory) SetPolicy(ctx context.Context, environment, population, name string) error {
	if _, known := policies[name]; !known && name != "" {
		return &scim.Error{Rule: scim.RuleCanonical, Path: "policy", Value: name, Allowed: PolicyNames()}
	}
	return d.update(ctx, func(tx *store.Tx) error {
		t, err := tx.LockedTenant(environment)
		if err != nil {
			return notFound(err, "Environment", environment)
		}
		typ, id := "Environment", environment
		if population != "" {
			if _, err := tx.ByID(t.TID, store.Population, population); err != nil {
				return notFound(err, "Population", population)
			}
			typ, id = "Population", population
		}
		if err := d.assign(tx, t, population, name); err != nil {
			return err
		}
		return d.record(tx, Caller{tenant: t.TID}, "set policy", typ, id)
	})
}

// assign stores the name of a policy, or that there is none.
func (d *Directory) assign(tx *store.Tx, t *store.Tenant, population, name string) error {
	settings, err := readSettings(t)
	if err != nil {
		return err
	}
	all, err := readAssigned(t)
	if err != nil || all[population] == name {
		return err
	}
	if all[population] = name; name == "" {
		delete(all, population)
	}
	if settings[policySetting], err = json.Marshal(all); err != nil {
		return err
	}
	if t.Settings, err = json.Marshal(settings); err != nil {
		return err
	}
	t.Version++ // see typeCache
	t.Modified = d.stamp()
	return tx.UpdateTenant(t)
}

// policyOf returns the policy of the population of this id; empty is that of
// the users whom the caller creates without naming one.
func (d *Directory) policyOf(set *typeSet, c Caller, population string) Policy {
	if population == "" {
		if population = set.home; !c.limits.reaches(set.homeRID) {
			population = c.limits.first
		}
	}
	for _, id := range []string{population, ""} {
		if name := set.assigned[id]; name != "" {
			return policies[name]
		}
	}
	return d.policy
}

// CheckPassword returns a RulePassword fault for each way in which the password
// of a new user breaks the policy, nil if in none.
func (d *Directory) CheckPassword(ctx context.Context, c Caller, password string) error {
	set, err := d.typesOf(ctx, c)
	if err != nil {
		return err
	}
	prepared, faults := preparePassword(password)
	if len(faults) > 0 {
		return faults
	}
	return d.policyOf(set, c, "").check(prepared, nil).Or()
}

// checkPassword returns RulePassword if the draft's password breaks the policy
// of the population that it names or else of this one.
func (w *write) checkPassword(population string) error {
	if w.body.password == "" {
		return nil
	}
	if w.draft.Population != "" {
		population = w.draft.Population
	}
	w.policy = w.d.policyOf(w.set, w.caller, population)
	if faults := w.policy.check(w.body.password, w.body.attributes); len(faults) > 0 {
		return faults[0]
	}
	return nil
}
