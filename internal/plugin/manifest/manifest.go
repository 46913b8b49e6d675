// Package manifest parses Kubernetes manifests and keeps the file, line and path of every value for error messages. It is
// pure: contents in, objects out.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// Object is one object of a manifest.
type Object struct {
	// File and Line are where the object starts, lines counted from 1; empty and 0 for an object from a cluster.
	File string
	Line int
	// Content is the decoded JSON of the object.
	Content map[string]any

	node *yamlv3.Node
}

// Group is the part of the apiVersion before the slash; empty for the core group.
func (o Object) Group() string {
	version, _ := o.Content["apiVersion"].(string)
	group, _, found := strings.Cut(version, "/")
	if !found {
		return ""
	}
	return group
}

// Kind is the kind of the object.
func (o Object) Kind() string { kind, _ := o.Content["kind"].(string); return kind }

// Name is metadata.name.
func (o Object) Name() string { return o.meta("name") }

// Namespace is metadata.namespace; empty if the manifest leaves it to kubectl.
func (o Object) Namespace() string { return o.meta("namespace") }

func (o Object) meta(key string) string {
	metadata, _ := o.Content["metadata"].(map[string]any)
	value, _ := metadata[key].(string)
	return value
}

// Parse parses a file of YAML or JSON with any number of objects; Lists are expanded. If it fails, the error names the line,
// and the objects before the mistake are returned.
func Parse(file string, content []byte) ([]Object, error) {
	objects, err := parse(file, content)
	if err != nil && bytes.ContainsRune(content, nonBreaking) {
		err = fmt.Errorf("%w; the file contains non-breaking spaces, which often come from a copied web page: replace them with ordinary spaces", err)
	}
	return objects, err
}

// nonBreaking looks like a space but does not indent YAML.
const nonBreaking = '\u00a0'

func parse(file string, content []byte) ([]Object, error) {
	var objects []Object
	decoder := yamlv3.NewDecoder(bytes.NewReader(content))
	for {
		var document yamlv3.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return objects, err
		}
		if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
			continue
		}
		found, err := objectsOf(file, document.Content[0])
		if err != nil {
			return objects, err
		}
		objects = append(objects, found...)
	}
}

// objectsOf are the objects of one document: the document itself, or the items of a List.
func objectsOf(file string, node *yamlv3.Node) ([]Object, error) {
	object := Object{File: file, Line: node.Line, node: node}
	text, err := yamlv3.Marshal(node)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", node.Line, err)
	}
	if err := yaml.UnmarshalStrict(text, &object.Content); err != nil {
		return nil, fmt.Errorf("line %d: must be a Kubernetes object: %w", node.Line, err)
	}
	if object.Kind() == "" {
		return nil, fmt.Errorf("line %d: must be a Kubernetes object with apiVersion and kind", node.Line)
	}
	items := child(node, "items")
	if items == nil || !strings.HasSuffix(object.Kind(), "List") {
		return []Object{object}, nil
	}
	var objects []Object
	for _, item := range items.Content {
		inner, err := objectsOf(file, item)
		if err != nil {
			return objects, err
		}
		objects = append(objects, inner...)
	}
	return objects, nil
}

// LineOf is the line of the value at a path such as spec.analysis.steps[2].duration, or of its nearest parent.
func (o Object) LineOf(path string) int {
	line, node := o.Line, o.node
	for _, part := range parts(path) {
		if node = child(node, part); node == nil {
			break
		}
		line = node.Line
	}
	return line
}

// child is the value of a key, or the entry at an index.
func child(node *yamlv3.Node, key string) *yamlv3.Node {
	switch {
	case node == nil:
		return nil
	case node.Kind == yamlv3.AliasNode:
		return child(node.Alias, key)
	case node.Kind == yamlv3.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return withLine(node.Content[i+1], node.Content[i].Line)
			}
		}
	case node.Kind == yamlv3.SequenceNode:
		for i := range node.Content {
			if fmt.Sprint(i) == key {
				return node.Content[i]
			}
		}
	}
	return nil
}

// withLine is a value with the line of its key.
func withLine(node *yamlv3.Node, line int) *yamlv3.Node {
	moved := *node
	moved.Line = line
	return &moved
}
