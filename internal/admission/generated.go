package admission

import "fmt"

// WarnOfGenerated warns a user who edits or deletes an object that Sluice has created.
func WarnOfGenerated(kind, name string) string {
	return fmt.Sprintf("%s %s was created by Sluice for one rollout and is deleted when it ends; change the primary instead", kind, name)
}
