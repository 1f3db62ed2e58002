package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string   `arg:"" enum:"bash,zsh,fish,words" help:"bash, zsh or fish."`
	Words []string `arg:"" optional:"" passthrough:"" help:"For words, which the shells call: what is typed so far."`
}

// What a shell must run so that it asks this program for the words that may follow.
const (
	completeBash = `_rollcall() {
  local IFS=$'\n'
  COMPREPLY=($(rollcall completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _rollcall rollcall
`
	completeZsh  = "autoload -U +X bashcompinit && bashcompinit\n" + completeBash
	completeFish = "complete -c rollcall -a '(rollcall completion words -- (commandline -opc)[2..-1] (commandline -ct))'\n"
)

// Run prints the script of a shell, or the words that may follow those typed.
func (c *completionCommand) Run(t *terminal, parser *kong.Kong) error {
	text := map[string]string{"bash": completeBash, "zsh": completeZsh, "fish": completeFish}[c.Shell]
	if c.Shell == "words" {
		text = strings.Join(candidates(parser.Model.Node, c.Words), "\n") + "\n"
	}
	_, err := io.WriteString(t.out, text)
	return err
}

// candidates returns what the last word may become, given the words before it.
func candidates(node *kong.Node, words []string) []string {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	for _, word := range before {
		if i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word }); i >= 0 {
			node = node.Children[i]
		}
	}
	var all []string
	for _, flags := range node.AllFlags(true) {
		for _, f := range flags {
			if len(before) > 0 && before[len(before)-1] == "--"+f.Name && f.Enum != "" {
				return startingWith(last, f.EnumSlice())
			}
			if strings.HasPrefix(last, "-") {
				all = append(all, fmt.Sprintf("--%s", f.Name))
			}
		}
	}
	for _, n := range node.Children {
		if !n.Hidden {
			all = append(all, n.Name)
		}
	}
	return startingWith(last, all)
}

func startingWith(prefix string, words []string) []string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.HasPrefix(w, prefix) })
	slices.Sort(words)
	return words
}
