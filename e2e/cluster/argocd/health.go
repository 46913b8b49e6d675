package main

import (
	"context"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// health prints Argo CD's health of each object.
func (a *application) health(context.Context) error {
	overrides, err := a.overrides()
	if err != nil {
		return err
	}
	for i, object := range a.target {
		if a.live[i] == nil {
			fmt.Printf("%s/%s Missing\n", object.GetKind(), object.GetName())
			continue
		}
		status, err := health.GetResourceHealth(a.live[i], overrides)
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

// overrides are the health checks in Lua of the settings, by key.
type overrides map[string]string

func (a *application) overrides() (overrides, error) {
	if a.settings == "" {
		return nil, nil
	}
	content, err := os.ReadFile(a.settings)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	var settings struct {
		Data overrides `json:"data"`
	}
	if err := yaml.Unmarshal(content, &settings); err != nil {
		return nil, fmt.Errorf("read the settings %s: %w", a.settings, err)
	}
	return settings.Data, nil
}

// GetResourceHealth runs the check for the object's kind with the object as obj. The check returns a table with status and
// message.
func (o overrides) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	kind := object.GroupVersionKind().Group + "_" + object.GetKind()
	script, has := o["resource.customizations.health."+kind]
	if !has {
		return nil, nil
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: o["resource.customizations.useOpenLibs."+kind] != "true"})
	defer state.Close()
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable} {
		state.Push(state.NewFunction(open))
		state.Call(0, 0)
	}
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(script); err != nil {
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

// toLua converts a decoded JSON value for a script.
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
