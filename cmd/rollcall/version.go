package main

import (
	"fmt"
	"io"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints what the build says of itself.
func (versionCommand) Run(t *terminal) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Go       string `json:"go"`
	}{Version: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version, v.Go = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return t.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "rollcall %s", v.Version)
		if v.Revision != "" {
			fmt.Fprintf(w, " (%s)", v.Revision)
		}
		fmt.Fprintf(w, ", %s\n", v.Go)
	})
}
