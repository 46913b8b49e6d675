package house

import "sluice.dev/sluice/hack/backcalls/testdata/house/room"

func roof() int { return floor() + floor() + door.open() + room.Light() + wall() }

func wall() int { return 1 }
