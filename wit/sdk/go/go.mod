module operator-plugin

go 1.24
