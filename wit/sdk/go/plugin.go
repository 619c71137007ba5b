// Package plugin is the author SDK for Operator checks in Go.
//
// A check is a function from a snapshot to findings. A module is exported by its main package:
//
//	func init() { plugin.Export(module) }
//	func main() {}
//
// There is no clock, no randomness, no file and no network; what looks like one always answers the same.
package plugin

import (
	"strconv"
	"strings"

	"operator-plugin/internal/bindings/operator_plugin_checks"
	"operator-plugin/internal/bindings/operator_plugin_snapshots"
	"operator-plugin/internal/bindings/operator_plugin_tables"
	"operator-plugin/internal/bindings/operator_plugin_types"
	_ "operator-plugin/internal/exports"
	"operator-plugin/internal/hooks"
	"operator-plugin/internal/wit/types"
)

// Severity says how bad a violation is.
type Severity = operator_plugin_types.Severity

const (
	Info     = operator_plugin_types.Severity_Info
	Warning  = operator_plugin_types.Severity_Warning
	Critical = operator_plugin_types.Severity_Critical
)

// Check is a rule.
type Check struct {
	// Lower-case words joined by hyphens.
	ID string
	// What must hold, one sentence.
	Claim    string
	Severity Severity
	// How long a violation must last before it counts, in milliseconds.
	HoldMs uint64
	// Without one of these tables the host answers inconclusive itself.
	Tables []string
	// State is what the last call remembered.
	Judge func(snapshot *Snapshot, state []byte) (Outcome, error)
}

// Module is what a component exports.
type Module struct {
	Name, Version, Summary string
	Checks                 []Check
	// Migrate converts the state of an older version; nil, or a nil answer, starts without.
	Migrate func(check, fromVersion string, state []byte) []byte
}

// Evidence is one value that a violation points to; Row.Evidence makes it.
type Evidence struct {
	Table  string
	Row    uint32
	Column string
	// What the value would be if all were well.
	Expected string

	value operator_plugin_types.Scalar
	unit  types.Option[string]
}

// Expect says what the value would be if all were well.
func (e Evidence) Expect(text string) Evidence {
	e.Expected = text
	return e
}

// Outcome is what a check returns; Findings.Conclude makes it.
type Outcome struct {
	raw operator_plugin_checks.Outcome
}

// Remember keeps a state for the next tick.
func (o Outcome) Remember(state []byte) Outcome {
	o.raw.State = types.Some(state)
	return o
}

// Inconclusive says that it could not be told, and why.
func Inconclusive(reason string) Outcome {
	return Outcome{operator_plugin_checks.Outcome{Status: operator_plugin_checks.Status_Inconclusive, Reason: reason}}
}

// Findings collects an answer for every entity. One violation fails, one entity that could not be judged leaves
// the check open, and only when all were seen in order does it pass.
type Findings struct {
	violations      []operator_plugin_checks.Violation
	passed, unknown []string
}

// Pass says that the entity is in order.
func (f *Findings) Pass(entity string) { f.passed = append(f.passed, entity) }

// Fail says that the entity breaks the rule; every violation needs evidence.
func (f *Findings) Fail(entity, summary string, evidence ...Evidence) {
	violation := operator_plugin_checks.Violation{Entity: entity, Summary: summary}
	for _, each := range evidence {
		violation.Evidence = append(violation.Evidence, lowered(each))
	}
	f.violations = append(f.violations, violation)
}

// Unknown says that the entity could not be judged: because completes "node/4: …".
func (f *Findings) Unknown(entity, because string) {
	f.unknown = append(f.unknown, entity+": "+because)
}

// Violations is how many were found.
func (f *Findings) Violations() int { return len(f.violations) }

// Conclude draws the conclusion; lookedAt says what was examined, for example "3 nodes".
func (f *Findings) Conclude(lookedAt string) Outcome {
	raw := operator_plugin_checks.Outcome{Reason: lookedAt, Violations: f.violations, Passed: f.passed}
	switch {
	case len(f.violations) > 0:
		raw.Status = operator_plugin_checks.Status_Fail
	case len(f.unknown) > 0:
		raw.Status, raw.Reason = operator_plugin_checks.Status_Inconclusive, strings.Join(f.unknown, "; ")
	case len(f.passed) == 0:
		raw.Status, raw.Reason = operator_plugin_checks.Status_Inconclusive, "nothing to judge: "+lookedAt
	default:
		raw.Status = operator_plugin_checks.Status_Pass
	}
	return Outcome{raw}
}

func lowered(evidence Evidence) operator_plugin_checks.Evidence {
	raw := operator_plugin_checks.Evidence{
		Table: evidence.Table, Row: types.Some(evidence.Row), Column: evidence.Column,
		Observed: evidence.value, Unit: evidence.unit,
	}
	if evidence.Expected != "" {
		raw.Expected = types.Some(evidence.Expected)
	}
	return raw
}

// Error is why a call has no answer.
type Error struct {
	raw operator_plugin_types.PluginError
}

func (e *Error) Error() string {
	switch e.raw.Tag() {
	case operator_plugin_types.PluginError_Unavailable:
		return e.raw.Unavailable()
	case operator_plugin_types.PluginError_Limit:
		return e.raw.Limit()
	case operator_plugin_types.PluginError_Protocol:
		return e.raw.Protocol()
	default:
		return e.raw.Internal()
	}
}

func tableError(error operator_plugin_tables.TableError) *Error {
	switch error.Tag() {
	case operator_plugin_tables.TableError_NoSuchTable:
		return &Error{operator_plugin_types.MakePluginErrorUnavailable("no table " + error.NoSuchTable() + " in this snapshot")}
	case operator_plugin_tables.TableError_TooLarge:
		limit := strconv.FormatUint(error.TooLarge(), 10)
		return &Error{operator_plugin_types.MakePluginErrorLimit("a table is larger than " + limit)}
	default:
		return &Error{operator_plugin_types.MakePluginErrorInternal("a table cannot be opened")}
	}
}

func raised(error error) operator_plugin_types.PluginError {
	if own, is := error.(*Error); is {
		return own.raw
	}
	return operator_plugin_types.MakePluginErrorInternal(error.Error())
}

// Export makes a component of a module. Call it from init.
func Export(module Module) {
	hooks.Declare = func(string) hooks.Declared {
		return types.Ok[operator_plugin_checks.Declaration, operator_plugin_types.PluginError](declaration(module))
	}
	hooks.Evaluate = func(id string, handle *operator_plugin_snapshots.Snapshot, state types.Option[[]uint8]) hooks.Judged {
		outcome, error := evaluate(module, id, &Snapshot{handle}, state.Some())
		if error != nil {
			return types.Err[operator_plugin_checks.Outcome](raised(error))
		}
		return types.Ok[operator_plugin_checks.Outcome, operator_plugin_types.PluginError](outcome.raw)
	}
	hooks.Migrate = func(check, fromVersion string, state []uint8) hooks.Migrated {
		kept := types.None[[]uint8]()
		if module.Migrate != nil {
			if migrated := module.Migrate(check, fromVersion, state); migrated != nil {
				kept = types.Some(migrated)
			}
		}
		return types.Ok[types.Option[[]uint8], operator_plugin_types.PluginError](kept)
	}
}

func declaration(module Module) operator_plugin_checks.Declaration {
	info := operator_plugin_types.PluginInfo{Name: module.Name, Version: module.Version, Summary: module.Summary}
	declared := operator_plugin_checks.Declaration{Info: info}
	for _, check := range module.Checks {
		declared.Checks = append(declared.Checks, operator_plugin_checks.CheckDeclaration{
			Id: check.ID, Claim: check.Claim, Severity: check.Severity, Hold: check.HoldMs, Tables: check.Tables,
		})
	}
	return declared
}

func evaluate(module Module, id string, snapshot *Snapshot, state []byte) (Outcome, error) {
	for _, check := range module.Checks {
		if check.ID == id {
			return check.Judge(snapshot, state)
		}
	}
	return Outcome{}, &Error{operator_plugin_types.MakePluginErrorInternal("no check " + id + " in this module")}
}
