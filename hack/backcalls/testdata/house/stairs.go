package house

// flights are called by way of a table.
var flights = []func() int{floor, door.open, roof}

func pair[T any]() int { return 2 }
