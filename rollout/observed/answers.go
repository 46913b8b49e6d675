package observed

// HookAnswer is the answer of a hook.
type HookAnswer struct {
	// Name of the hook.
	Name string
	// Yes means a status from 200 to 299.
	Yes bool
	// Message is the body of the answer, or why the hook could not be called.
	Message string
}
