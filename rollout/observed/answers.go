package observed

// HookAnswer is what a hook has answered.
type HookAnswer struct {
	// Name of the hook.
	Name string
	// Yes means a status from 200 to 299.
	Yes bool
	// Message is what it said, or why it could not be asked.
	Message string
}
