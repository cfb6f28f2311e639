module github.com/zona-platform/zona/tests/readers

go 1.26
