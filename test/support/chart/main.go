// Renders a Helm chart as `helm template` does, as far as the chart of this repository needs it: the templates of Go,
// the functions of Sprig, the values of values.yaml with a file of changes over them. Helm itself is in no registry
// that the tests can reach.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

func main() {
	if err := render(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(chart, changes string) error {
	about, err := parsed(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return err
	}
	values, err := parsed(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	over, err := parsed(changes)
	if err != nil {
		return err
	}
	context := map[string]any{
		"Values":  merged(values, over),
		"Chart":   map[string]any{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release": map[string]any{"Name": "roomcast", "Namespace": "chat", "Service": "Helm"},
	}
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value any) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		// A name that no value has is an error here, though Helm renders it as nothing.
		page, err := template.New(filepath.Base(file)).Funcs(functions).Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		fmt.Println("---")
		if err := page.Execute(os.Stdout, context); err != nil {
			return err
		}
	}
	return nil
}

func parsed(file string) (map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tree := map[string]any{}
	return tree, yaml.Unmarshal(text, &tree)
}

func merged(base, over map[string]any) map[string]any {
	for name, value := range over {
		inner, isMap := value.(map[string]any)
		if known, both := base[name].(map[string]any); isMap && both {
			base[name] = merged(known, inner)
		} else {
			base[name] = value
		}
	}
	return base
}
