// Package hooks joins the exports of the component to the author's plugin.
package hooks

import (
	"operator-plugin/internal/bindings/operator_check_findings"
	"operator-plugin/internal/bindings/operator_check_snapshots"
	"operator-plugin/internal/bindings/operator_types_types"
	"operator-plugin/internal/wit/types"
)

type (
	Declared  = types.Result[operator_check_findings.Declaration, operator_types_types.PluginError]
	Evaluated = types.Result[operator_check_findings.Outcome, operator_types_types.PluginError]
	Migrated  = types.Result[types.Option[[]uint8], operator_types_types.PluginError]
)

// Set by plugin.Export.
var (
	Declare  func(config string) Declared
	Evaluate func(check string, snapshot *operator_check_snapshots.Snapshot, state types.Option[[]uint8]) Evaluated
	Migrate  func(check string, fromVersion string, state []uint8) Migrated
)
