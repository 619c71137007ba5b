// Package plugin is the author SDK for Operator checks in Go.
//
// A check is a function from a snapshot to findings. A plugin is exported by its main package:
//
//	func init() { plugin.Export(headroom) }
//	func main() {}
//
// There is no clock, no randomness, no file and no network; what looks like one always returns the same.
package plugin

import (
	"strconv"
	"strings"
	"time"

	"operator-plugin/internal/bindings/operator_check_findings"
	"operator-plugin/internal/bindings/operator_check_snapshots"
	"operator-plugin/internal/bindings/operator_tables_tables"
	"operator-plugin/internal/bindings/operator_types_types"
	_ "operator-plugin/internal/exports"
	"operator-plugin/internal/hooks"
	"operator-plugin/internal/wit/types"
)

// Severity says how bad a violation is.
type Severity = operator_types_types.Severity

const (
	Info     = operator_types_types.Severity_Info
	Warning  = operator_types_types.Severity_Warning
	Critical = operator_types_types.Severity_Critical
)

// Check is a rule.
type Check struct {
	// Lower-case words joined by hyphens.
	ID string
	// What must hold, one sentence.
	Claim    string
	Severity Severity
	// How long a violation must last before it is active.
	Pending time.Duration
	// Without one of these tables the host reports inconclusive itself.
	Tables []string
	// State is what the last call returned.
	Evaluate func(snapshot *Snapshot, state []byte) (Outcome, error)
}

// Plugin is what a component exports.
type Plugin struct {
	Name, Version, Summary string
	Checks                 []Check
	// Migrate converts the state of an older version; nil, or a nil result, starts without.
	Migrate func(check, fromVersion string, state []byte) []byte
}

// Entity is a part of the observed system; EntityOf makes it.
type Entity = operator_types_types.EntityId

// EntityOf names an entity by kind and key; a key of several parts takes one argument for each.
func EntityOf(kind string, key ...string) Entity { return Entity{Kind: kind, Key: key} }

// As Operator shows it, for example node/a.
func shown(entity Entity) string {
	parts := []string{entity.Kind}
	for _, part := range entity.Key {
		if len(entity.Key) > 1 {
			part = strings.ReplaceAll(strings.ReplaceAll(part, "%", "%25"), "/", "%2F")
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

// Evidence is a cell that a violation cites; Row.Evidence makes it. The host reads its value.
type Evidence struct {
	Table  string
	Row    uint32
	Column string
	// What the value would be if all were well.
	Expected string
}

// Expect sets what the value would be if all were well.
func (e Evidence) Expect(text string) Evidence {
	e.Expected = text
	return e
}

// Outcome is what a check returns; Findings.Conclude makes it.
type Outcome struct {
	raw operator_check_findings.Outcome
}

// Remember keeps a state for the next tick.
func (o Outcome) Remember(state []byte) Outcome {
	o.raw.State = types.Some(state)
	return o
}

// Inconclusive means that the check cannot decide, and why.
func Inconclusive(reason string) Outcome {
	return outcome(operator_check_findings.MakeVerdictInconclusive(
		operator_check_findings.Inconclusive{Reason: reason}))
}

// NotApplicable means that the rule does not apply, and why.
func NotApplicable(reason string) Outcome {
	return outcome(operator_check_findings.MakeVerdictNotApplicable(reason))
}

func outcome(verdict operator_check_findings.Verdict) Outcome {
	return Outcome{operator_check_findings.Outcome{Verdict: verdict}}
}

// Findings collects a finding for every entity. One violation fails, one entity that could not be evaluated leaves
// the check open, and it passes only when every entity does.
type Findings struct {
	violations []operator_check_findings.Violation
	passed     []Entity
	unknown    []string
}

// Pass adds an entity that passes.
func (f *Findings) Pass(entity Entity) { f.passed = append(f.passed, entity) }

// Fail adds an entity that breaks the rule; every violation needs evidence.
func (f *Findings) Fail(entity Entity, summary string, evidence ...Evidence) {
	violation := operator_check_findings.Violation{Entity: entity, Summary: summary}
	for _, each := range evidence {
		violation.Evidence = append(violation.Evidence, lowered(each))
	}
	f.violations = append(f.violations, violation)
}

// Unknown adds an entity that could not be evaluated: because completes "node/4: …".
func (f *Findings) Unknown(entity Entity, because string) {
	f.unknown = append(f.unknown, shown(entity)+": "+because)
}

// Violations is how many were found.
func (f *Findings) Violations() int { return len(f.violations) }

// Conclude draws the conclusion; evaluated says what was examined, for example "3 nodes".
func (f *Findings) Conclude(evaluated string) Outcome {
	passed := entitySets(f.passed)
	open := func(reason string) Outcome {
		return outcome(operator_check_findings.MakeVerdictInconclusive(
			operator_check_findings.Inconclusive{Reason: reason, Passed: passed}))
	}
	switch {
	case len(f.violations) > 0:
		return outcome(operator_check_findings.MakeVerdictFail(
			operator_check_findings.Failure{Summary: evaluated, Violations: f.violations, Passed: passed}))
	case len(f.unknown) > 0:
		return open(strings.Join(f.unknown, "; "))
	case len(f.passed) == 0:
		return open("nothing to evaluate: " + evaluated)
	default:
		return outcome(operator_check_findings.MakeVerdictPass(
			operator_check_findings.Pass{Summary: evaluated, Passed: passed}))
	}
}

// One set for each kind and number of key parts, in order of first appearance.
func entitySets(entities []Entity) []operator_check_findings.EntitySet {
	type like struct {
		kind  string
		parts int
	}
	places := map[like]int{}
	keys := [][]string{}
	sets := []operator_check_findings.EntitySet{}
	for _, entity := range entities {
		place, known := places[like{entity.Kind, len(entity.Key)}]
		if !known {
			place = len(sets)
			places[like{entity.Kind, len(entity.Key)}] = place
			keys = append(keys, nil)
			sets = append(sets, operator_check_findings.EntitySet{Kind: entity.Kind, KeyParts: uint32(len(entity.Key))})
		}
		keys[place] = append(keys[place], entity.Key...)
	}
	for place := range sets {
		sets[place].Keys = packed(keys[place])
	}
	return sets
}

func packed(texts []string) operator_tables_tables.PackedText {
	ends, end := make([]uint32, 0, len(texts)), 0
	for _, text := range texts {
		end += len(text)
		ends = append(ends, uint32(end))
	}
	return operator_tables_tables.PackedText{Text: strings.Join(texts, ""), Ends: ends}
}

func lowered(evidence Evidence) operator_check_findings.Evidence {
	cell := operator_check_findings.Cell{Table: evidence.Table, Row: evidence.Row, Column: evidence.Column}
	raw := operator_check_findings.Evidence{Source: operator_check_findings.MakeEvidenceSourceCell(cell)}
	if evidence.Expected != "" {
		raw.Expected = types.Some(evidence.Expected)
	}
	return raw
}

// Error is why a call has no result.
type Error struct {
	raw operator_types_types.PluginError
}

func (e *Error) Error() string {
	switch e.raw.Tag() {
	case operator_types_types.PluginError_Unavailable:
		return e.raw.Unavailable()
	case operator_types_types.PluginError_Limit:
		return e.raw.Limit()
	case operator_types_types.PluginError_Protocol:
		return e.raw.Protocol()
	default:
		return e.raw.Internal()
	}
}

func tableError(error operator_tables_tables.TableError) *Error {
	switch error.Tag() {
	case operator_tables_tables.TableError_NoSuchTable:
		return &Error{operator_types_types.MakePluginErrorUnavailable("no table " + error.NoSuchTable() + " in this snapshot")}
	case operator_tables_tables.TableError_TooLarge:
		limit := strconv.FormatUint(error.TooLarge(), 10)
		return &Error{operator_types_types.MakePluginErrorLimit("a table is larger than " + limit)}
	default:
		return &Error{operator_types_types.MakePluginErrorInternal("a table cannot be opened")}
	}
}

func raised(error error) operator_types_types.PluginError {
	if own, is := error.(*Error); is {
		return own.raw
	}
	return operator_types_types.MakePluginErrorInternal(error.Error())
}

// Export makes a component of a plugin. Call it from init.
func Export(plugin Plugin) {
	hooks.Declare = func(string) hooks.Declared {
		return types.Ok[operator_check_findings.Declaration, operator_types_types.PluginError](declaration(plugin))
	}
	hooks.Evaluate = func(id string, handle *operator_check_snapshots.Snapshot, state types.Option[[]uint8]) hooks.Evaluated {
		outcome, error := evaluate(plugin, id, &Snapshot{handle}, state.Some())
		if error != nil {
			return types.Err[operator_check_findings.Outcome](raised(error))
		}
		return types.Ok[operator_check_findings.Outcome, operator_types_types.PluginError](outcome.raw)
	}
	hooks.Migrate = func(check, fromVersion string, state []uint8) hooks.Migrated {
		kept := types.None[[]uint8]()
		if plugin.Migrate != nil {
			if migrated := plugin.Migrate(check, fromVersion, state); migrated != nil {
				kept = types.Some(migrated)
			}
		}
		return types.Ok[types.Option[[]uint8], operator_types_types.PluginError](kept)
	}
}

func declaration(plugin Plugin) operator_check_findings.Declaration {
	info := operator_types_types.PluginInfo{Name: plugin.Name, Version: plugin.Version, Summary: plugin.Summary}
	declared := operator_check_findings.Declaration{Info: info}
	for _, check := range plugin.Checks {
		declared.Checks = append(declared.Checks, operator_check_findings.CheckDeclaration{
			Id: check.ID, Claim: check.Claim, Severity: check.Severity, Pending: uint64(check.Pending), Tables: check.Tables,
		})
	}
	return declared
}

func evaluate(plugin Plugin, id string, snapshot *Snapshot, state []byte) (Outcome, error) {
	for _, check := range plugin.Checks {
		if check.ID == id {
			return check.Evaluate(snapshot, state)
		}
	}
	return Outcome{}, &Error{operator_types_types.MakePluginErrorInternal("no check " + id + " in this plugin")}
}
