package config

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"k8s.io/utils/lru"
)

const (
	// MostCondition is how long a condition may be, in bytes. The schema has the same limit.
	MostCondition = 1024
	// mostConditionNesting is how deep parentheses and operators may nest: the parser recurses for each.
	mostConditionNesting = 50
	// mostConditionCost is what one evaluation may cost, in units of CEL. A comparison costs one or two, a regular expression a tenth of the
	// length of its text times a quarter of its own. Without macros nothing loops, so an honest condition is far below it.
	mostConditionCost = 1000
)

// Names of the variables of a condition.
const (
	conditionValue   = "value"
	conditionPrimary = "primary"
)

// Condition is a compiled condition of a check: a CEL expression over its value, and over the primary's value beside it.
type Condition struct{ program cel.Program }

// conditionEnvs have the variables of a check, without and with the value of the primary. They are made once: each takes milliseconds.
var conditionEnvs = map[bool]func() (*cel.Env, error){
	false: sync.OnceValues(func() (*cel.Env, error) { return newConditionEnv() }),
	true:  sync.OnceValues(func() (*cel.Env, error) { return newConditionEnv(cel.Variable(conditionPrimary, cel.DoubleType)) }),
}

// newConditionEnv has no macros: they are all that could loop.
func newConditionEnv(more ...cel.EnvOption) (*cel.Env, error) {
	return cel.NewEnv(append([]cel.EnvOption{
		cel.ClearMacros(), cel.CrossTypeNumericComparisons(true), cel.ParserRecursionLimit(mostConditionNesting), cel.ParserExpressionSizeLimit(MostCondition),
		cel.Variable(conditionValue, cel.DoubleType),
	}, more...)...)
}

// conditions are the conditions that were read of late: a tick evaluates each of its policy's, and to read one takes longer than all
// else in it. One takes a few kilobytes.
var conditions = lru.New(256)

// conditionKey is what a condition is read from.
type conditionKey struct {
	text     string
	compared bool
}

// ParseCondition reads a condition. Only a compared one may use primary. Anyone who may write a policy may write a condition, so its size
// and its cost are bounded. The error says what is wrong with it.
func ParseCondition(text string, compared bool) (Condition, error) {
	if len(text) > MostCondition {
		return Condition{}, fmt.Errorf("must have at most %d bytes", MostCondition)
	}
	key := conditionKey{text, compared}
	if known, found := conditions.Get(key); found {
		return known.(Condition), nil
	}
	read, err := compileCondition(text, compared)
	if err == nil {
		conditions.Add(key, read)
	}
	return read, err
}

func compileCondition(text string, compared bool) (Condition, error) {
	env, err := conditionEnvs[compared]()
	if err != nil {
		return Condition{}, fmt.Errorf("no condition can be read: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return Condition{}, conditionRefusal(issues, compared)
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return Condition{}, fmt.Errorf("must be true or false, such as value < 0.5, and is of type %s", ast.OutputType())
	}
	if !looksAtValue(ast) {
		return Condition{}, errors.New("must use value, the value of the check")
	}
	if cost, err := env.EstimateCost(ast, unknownSizes{}); err != nil || cost.Max > mostConditionCost {
		return Condition{}, errors.New("costs too much to evaluate: compare value with numbers")
	}
	program, err := env.Program(ast, cel.CostLimit(mostConditionCost))
	if err != nil {
		return Condition{}, fmt.Errorf("cannot be evaluated: %w", err)
	}
	return Condition{program}, nil
}

// Holds evaluates the condition. The error says why it has no result, such as a division of whole numbers by zero.
func (c Condition) Holds(value, primary float64) (bool, error) {
	result, _, err := c.program.Eval(map[string]any{conditionValue: value, conditionPrimary: primary})
	if err != nil {
		return false, fmt.Errorf("the condition cannot be evaluated: %w", err)
	}
	return result.Value() == true, nil
}

// conditionRefusal is the first error of CEL on one line, with what to write instead where that is known.
func conditionRefusal(issues *cel.Issues, compared bool) error {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(first.Message, "\n")
	help := ""
	switch {
	case strings.Contains(message, "(int, double)"), strings.Contains(message, "(double, int)"):
		help = ": write numbers with a point, such as 2.0"
	case strings.Contains(message, "undeclared reference to '"+conditionPrimary+"'") && !compared:
		help = ": primary needs compareTo: primary"
	case strings.Contains(message, "undeclared reference"):
		help = ": the variables are value and, with compareTo, primary"
	}
	return fmt.Errorf("is not a CEL expression that can be used: column %d: %s%s", first.Location.Column()+1, strings.TrimSuffix(message, " (in container '')"), help)
}

func looksAtValue(ast *cel.Ast) bool {
	for _, reference := range ast.NativeRep().ReferenceMap() {
		if reference.Name == conditionValue {
			return true
		}
	}
	return false
}

// unknownSizes knows no sizes: the variables are numbers, and the size of a text is that of its literal.
type unknownSizes struct{}

// EstimateSize returns nil, for unknown.
func (unknownSizes) EstimateSize(checker.AstNode) *checker.SizeEstimate { return nil }

// EstimateCallCost returns nil, for CEL's own estimate.
func (unknownSizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
