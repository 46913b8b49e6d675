package house

type entrance struct{}

var door entrance

func (entrance) open() int { return wall() }

func floor() int { return pair[int]() }
