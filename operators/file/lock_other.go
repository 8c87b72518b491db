//go:build !linux && !darwin

package file

import "os"

// tryLock locks nothing here: sinks and sources of one process are kept apart all the same.
func tryLock(*os.File, bool) error { return nil }
