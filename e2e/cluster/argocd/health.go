package main

import (
	"context"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	lua "github.com/yuin/gopher-lua"
)

// health prints for each object how Argo CD finds it, with the Lua health check if one is given.
func (a *application) health(context.Context) error {
	var override health.HealthOverride
	if a.lua != "" {
		script, err := os.ReadFile(a.lua)
		if err != nil {
			return fmt.Errorf("read the health check: %w", err)
		}
		override = check(script)
	}
	for i, object := range a.target {
		if a.live[i] == nil {
			fmt.Printf("%s/%s Missing\n", object.GetKind(), object.GetName())
			continue
		}
		status, err := health.GetResourceHealth(a.live[i], override)
		if err != nil {
			return fmt.Errorf("tell the health of %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if status == nil {
			status = &health.HealthStatus{Status: "none", Message: "Argo CD has no health check for this kind"}
		}
		fmt.Printf("%s/%s %s %s\n", object.GetKind(), object.GetName(), status.Status, status.Message)
	}
	return nil
}

// check is a health check as it stands in Argo CD's settings.
type check string

// GetResourceHealth runs the check with the object as obj; the check returns a table with status and message.
func (c check) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString} {
		state.Push(state.NewFunction(open))
		state.Call(0, 0)
	}
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(string(c)); err != nil {
		return nil, fmt.Errorf("run the health check: %w", err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("the health check returned %s, expected a table with status and message", state.Get(-1).Type())
	}
	return &health.HealthStatus{
		Status:  health.HealthStatusCode(lua.LVAsString(result.RawGetString("status"))),
		Message: lua.LVAsString(result.RawGetString("message")),
	}, nil
}

// toLua gives a decoded JSON value to a script.
func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	}
	return lua.LNil
}
