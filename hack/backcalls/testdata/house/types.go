package house

// Size calls nothing and is not called, so it needs no place in the order.
type Size int
