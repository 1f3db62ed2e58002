package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/scim"
)

type schemaCommand struct {
	Apply  schemaApply  `cmd:"" help:"Define schemas and resource types of an environment by a file, all or nothing."`
	List   schemaList   `cmd:"" help:"List what an environment defines."`
	Export schemaExport `cmd:"" help:"Print what an environment defines, as a file to apply."`
	Delete schemaDelete `cmd:"" help:"Delete schemas and resource types that no resource uses."`
}

type schemaApply struct {
	environmentFlags
	File string `arg:"" help:"A definition in JSON as the standard has it, or a list of several; - reads the standard input."`
}

func (c *schemaApply) Run(t *terminal) error {
	text, err := readFile(c.File)
	if err != nil {
		return err
	}
	r, err := readDefinitions(text)
	if err != nil {
		return err
	}
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		if _, err := d.RedefineEnvironment(ctx, e.ID, r); err != nil {
			return err
		}
		schemas, types := []string{}, []string{}
		for _, s := range r.Schemas {
			schemas = append(schemas, s.ID)
		}
		for _, rt := range r.Types {
			types = append(types, rt.Name)
		}
		return t.print(map[string]any{"environment_id": e.ID, "schemas": schemas, "resource_types": types}, func(w io.Writer) {
			for _, uri := range schemas {
				fmt.Fprintf(w, "schema %s is defined in environment %s\n", uri, e.Name)
			}
			for _, name := range types {
				fmt.Fprintf(w, "resource type %s is defined in environment %s\n", name, e.Name)
			}
		})
	})
}

func readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// readDefinitions reads a file of definitions: one, a list of several, or the
// answer of a server that lists them.
func readDefinitions(text []byte) (directory.Redefinition, error) {
	var r directory.Redefinition
	v, err := scim.Read(text, scim.Limits{})
	if err != nil {
		return r, err
	}
	list := []scim.Value{v}
	if resources, ok := v.Object().Find("Resources"); ok {
		v = resources
	}
	if v.Kind() == scim.Array {
		list = v.List()
	}
	for i, item := range list {
		var faults scim.Errors
		if _, ok := item.Object().Find("endpoint"); ok {
			rt, more := scim.ParseType(item.Object())
			r.Types, faults = append(r.Types, rt), more
		} else {
			s, more := scim.ParseSchema(item.Object())
			r.Schemas, faults = append(r.Schemas, s), more
		}
		if err := faults.Locate(text).Or(); err != nil {
			return r, fmt.Errorf("definition %d of %d: %s", i+1, len(list), explain(err))
		}
	}
	return r, nil
}

// ownDefinitions returns the documents of what an environment defines: schemas,
// types of its own, and built-in types that it gives extensions.
func ownDefinitions(types *scim.Types) (schemas, resourceTypes []*scim.Object) {
	for _, s := range types.Schemas() {
		schemas = append(schemas, s.Object())
	}
	for _, rt := range types.All() {
		if d := rt.Define(); !scim.BuiltIn(d.Name) || len(d.Extensions) > 0 {
			resourceTypes = append(resourceTypes, d.Object())
		}
	}
	return schemas, resourceTypes
}

type schemaList struct{ environmentFlags }

func (c *schemaList) Run(t *terminal) error {
	return c.withTypes(func(types *scim.Types) error {
		schemas, resourceTypes := ownDefinitions(types)
		rows := []definitionView{}
		for _, o := range schemas {
			uri := o.Get("id").Text()
			rows = append(rows, definitionView{"schema", uri, fmt.Sprintf("%d attributes, %s", len(o.Get("attributes").List()), usedBy(types, uri))})
		}
		for _, o := range resourceTypes {
			rows = append(rows, definitionView{"resource type", o.Get("name").Text(), o.Get("endpoint").Text() + " " + o.Get("schema").Text()})
		}
		return t.print(rows, func(w io.Writer) {
			table(w, "KIND\tNAME\tABOUT", rows, func(v definitionView) string { return v.Kind + "\t" + v.Name + "\t" + v.About })
		})
	})
}

// definitionView is a definition as --json prints it.
type definitionView struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"` // a URI or the name of a type
	About string `json:"about"`
}

// usedBy names the resource types that have the schema.
func usedBy(types *scim.Types, uri string) string {
	var names []string
	for _, rt := range types.All() {
		if rt.Schema.ID == uri || rt.Extension(uri) != nil {
			names = append(names, rt.Name)
		}
	}
	if len(names) == 0 {
		return "of no resource type"
	}
	return "of " + strings.Join(names, ", ")
}

// withTypes calls fn with the types of the environment.
func (f environmentFlags) withTypes(fn func(*scim.Types) error) error {
	return f.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		types, err := d.EnvironmentTypes(ctx, e.ID)
		if err != nil {
			return err
		}
		return fn(types)
	})
}

type schemaExport struct{ environmentFlags }

func (c *schemaExport) Run(t *terminal) error {
	return c.withTypes(func(types *scim.Types) error {
		schemas, resourceTypes := ownDefinitions(types)
		list := []scim.Value{}
		for _, o := range slices.Concat(schemas, resourceTypes) {
			list = append(list, scim.ObjectValue(o))
		}
		_, err := fmt.Fprintf(t.out, "%s\n", scim.ListValue(list...).AppendIndent(nil, ""))
		return err
	})
}

type schemaDelete struct {
	environmentFlags
	Names []string `arg:"" help:"URIs of schemas, names of resource types."`
}

func (c *schemaDelete) Run(t *terminal) error {
	var r directory.Redefinition
	for _, name := range c.Names {
		if strings.Contains(name, ":") {
			r.RemoveSchemas = append(r.RemoveSchemas, name)
		} else {
			r.RemoveTypes = append(r.RemoveTypes, name)
		}
	}
	return c.within(func(ctx context.Context, d *directory.Directory, e *directory.Environment) error {
		if _, err := d.RedefineEnvironment(ctx, e.ID, r); err != nil {
			return err
		}
		return t.print(map[string]any{"deleted": c.Names}, func(w io.Writer) {
			for _, name := range c.Names {
				fmt.Fprintf(w, "deleted %s from environment %s\n", name, e.Name)
			}
		})
	})
}

// definitionWords are those for what is wrong with a definition.
var definitionWords = map[scim.Rule]string{
	scim.RuleRequired:            "is required",
	scim.RulePattern:             "{detail}",
	scim.RuleType:                "must be of the JSON type {allowed}",
	scim.RuleMultiValued:         "must be a list",
	scim.RuleSingleValued:        "must not be a list",
	scim.RuleLength:              "has more than {allowed} characters",
	scim.RuleLimit:               "more than {allowed} {detail}",
	scim.RuleUnknownAttribute:    "is not a member of a definition",
	scim.RuleUnknownSubAttribute: "is not a member of {value}",
	scim.RuleCoreSchemaMissing:   "must be {schema}",
	scim.RuleUnknownSchema:       "must be {schema}",
	scim.RuleJSON:                "the file is not JSON: {detail}",
	scim.RuleDuplicateMember:     "the file is not JSON",
	scim.RuleTrailingData:        "the file is not JSON",
	scim.RuleEmptyBody:           "the file is not JSON",
}

// explainDefinition words what is wrong with a definition; "" for other faults.
func explainDefinition(e *scim.Error) string {
	text, known := definitionWords[e.Rule]
	switch {
	case e.Rule == scim.RuleInUse && e.Path == "":
		return e.Fill("{schema} {detail}")
	case e.Rule == scim.RuleInUse:
		return strings.TrimSpace(e.Fill("{path} {detail}: {schema} {value}"))
	case !known:
		return ""
	case e.Path != "":
		text = "{path}: " + text
	}
	if e.Line > 0 {
		text += fmt.Sprintf(" (line %d, column %d)", e.Line, e.Column)
	}
	return e.Fill(text)
}
