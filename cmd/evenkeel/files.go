package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return readUpTo(f, name, limit)
}

// readUpTo reads and closes what has at most limit bytes; an error names it.
func readUpTo(f io.ReadCloser, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	err = errors.Join(err, f.Close())
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// writeNew writes a file that is not there yet.
func writeNew(name string, b []byte, mode fs.FileMode) error {
	f, err := createNew(name, b, mode)
	if err != nil {
		return err
	}
	return f.Close()
}

// writeNewSynced writes a file that is not there yet, and returns when its bytes
// are durable. Its name is when its directory is, see [syncDir].
func writeNewSynced(name string, b []byte, mode fs.FileMode) error {
	f, err := createNew(name, b, mode)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func createNew(name string, b []byte, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(b); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// writeWhole writes a file so that it is there with all its bytes, or not at
// all, whenever the machine stops.
func writeWhole(path string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes what was renamed in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
