// Every node has room left: no less than a fifth of its space is free.
package main

import (
	"fmt"
	"strconv"
	"strings"

	plugin "operator-plugin"
)

const leastFree = 0.2

func room(snapshot *plugin.Snapshot, state []byte) (plugin.Outcome, error) {
	nodes, err := snapshot.Table("nodes")
	if err != nil {
		return plugin.Outcome{}, err
	}
	findings := plugin.Findings{}
	for _, row := range nodes.Rows() {
		evaluateNode(row, &findings)
	}
	ticks := 0
	if findings.Violations() > 0 {
		ticks = remembered(state) + 1
	}
	outcome := findings.Conclude(fmt.Sprintf("%d nodes, low for %d ticks", nodes.Len(), ticks))
	return outcome.Remember([]byte(strconv.Itoa(ticks))), nil
}

func evaluateNode(row plugin.Row, findings *plugin.Findings) {
	name, known := row.Text("node")
	if !known {
		name = "?"
	}
	node := plugin.EntityOf("node", name)
	share, known := row.Number("free_ratio")
	switch {
	case !known:
		findings.Unknown(node, "its free space is not known")
	case !(share >= 0 && share <= 1):
		findings.Unknown(node, "its free ratio lies outside 0 to 1")
	case share >= leastFree:
		findings.Pass(node)
	default:
		free := row.Evidence("free_ratio").Expect("at least 0.2")
		findings.Fail(node, percent(share)+" of its space is free", free, row.Evidence("objects"))
	}
}

// As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1.
func percent(share float64) string {
	tenths := int64(share*1000 + 0.5)
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

// The number of ticks in the state of the last call; 0 for anything else.
func remembered(state []byte) int {
	if len(state) > 9 || strings.Trim(string(state), "0123456789") != "" {
		return 0
	}
	ticks, _ := strconv.Atoi(string(state))
	return ticks
}

// Version 0.1 already counted ticks in this way.
func migrate(_, fromVersion string, state []byte) []byte {
	if strings.HasPrefix(fromVersion, "0.1.") {
		return state
	}
	return nil
}

var headroom = plugin.Plugin{
	Name: "headroom", Version: "0.1.0", Summary: "Every node has room left",
	Checks: []plugin.Check{{
		ID: "headroom", Claim: "every node has a fifth of its space free", Severity: plugin.Warning,
		Tables: []string{"nodes"}, Evaluate: room,
	}},
	Migrate: migrate,
}

func init() { plugin.Export(headroom) }

func main() {}
