module headroom

go 1.24

require operator-plugin v0.0.0

replace operator-plugin => ../..
