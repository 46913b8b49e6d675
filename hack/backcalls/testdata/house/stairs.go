package house

// flights are called through a table.
var flights = []func() int{floor, door.open, roof}

func pair[T any]() int { return 2 }
