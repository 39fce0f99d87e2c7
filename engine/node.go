package engine

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hyperjumptech/grule-rule-engine/model"
)

// refusing implements the evaluator's value node by refusing all of it. What a
// node does offer, it overrides. The text names the node in errors.
type refusing string

func (r refusing) err(what string) error { return fmt.Errorf("%s has no %s", string(r), what) }

func (r refusing) IdentifiedAs() string                { return string(r) }
func (r refusing) Value() reflect.Value                { return reflect.ValueOf(string(r)) }
func (r refusing) HasParent() bool                     { return false }
func (r refusing) Parent() model.ValueNode             { return nil }
func (r refusing) GetValue() (reflect.Value, error)    { return r.Value(), nil }
func (r refusing) GetType() (reflect.Type, error)      { return r.Value().Type(), nil }
func (r refusing) IsArray() bool                       { return false }
func (r refusing) GetArrayType() (reflect.Type, error) { return nil, r.err("elements") }
func (r refusing) GetArrayValueAt(int) (reflect.Value, error) {
	return reflect.Value{}, r.err("elements")
}
func (r refusing) GetChildNodeByIndex(int) (model.ValueNode, error) { return nil, r.err("elements") }
func (r refusing) SetArrayValueAt(int, reflect.Value) error         { return errSealed }
func (r refusing) AppendValue([]reflect.Value) error                { return errSealed }
func (r refusing) Length() (int, error)                             { return 0, r.err("length") }
func (r refusing) IsMap() bool                                      { return false }
func (r refusing) GetMapValueAt(reflect.Value) (reflect.Value, error) {
	return reflect.Value{}, r.err("keys")
}
func (r refusing) SetMapValueAt(_, _ reflect.Value) error { return errSealed }
func (r refusing) IsInterface() bool                      { return false }
func (r refusing) IsObject() bool                         { return false }
func (r refusing) GetObjectValueByField(string) (reflect.Value, error) {
	return reflect.Value{}, r.err("fields")
}
func (r refusing) GetObjectTypeByField(string) (reflect.Type, error)   { return nil, r.err("fields") }
func (r refusing) SetObjectValueByField(string, reflect.Value) error   { return errSealed }
func (r refusing) GetChildNodeByField(string) (model.ValueNode, error) { return nil, r.err("fields") }
func (r refusing) IsTime() bool                                        { return false }
func (r refusing) IsInteger() bool                                     { return false }
func (r refusing) IsReal() bool                                        { return false }
func (r refusing) IsBool() bool                                        { return false }
func (r refusing) IsString() bool                                      { return false }

func (r refusing) GetChildNodeBySelector(reflect.Value) (model.ValueNode, error) {
	return nil, r.err("keys")
}

func (r refusing) CallFunction(name string, _ ...reflect.Value) (reflect.Value, error) {
	return reflect.Value{}, r.err("method " + name)
}

// ContinueWithValue returns the node of a method's result: a value that offers
// nothing more.
func (r refusing) ContinueWithValue(v reflect.Value, name string) model.ValueNode {
	return &leaf{refusing(string(r) + "." + name), v}
}

// leaf is a scalar.
type leaf struct {
	refusing
	v reflect.Value
}

func (l *leaf) Value() reflect.Value             { return l.v }
func (l *leaf) GetValue() (reflect.Value, error) { return l.v, nil }
func (l *leaf) GetType() (reflect.Type, error)   { return l.v.Type(), nil }

// root is F, C, D, or the calls, whose name is empty.
type root struct {
	refusing
	box   *sandbox
	words map[string]int // short name → index in the sandbox's words
	value reflect.Value  // its name, so that it is not made for each look-up
}

func newRoot(name string, box *sandbox) *root {
	r := &root{refusing(name), box, map[string]int{}, reflect.ValueOf(name)}
	for i := range box.words {
		if short, ok := strings.CutPrefix(box.words[i].Name, name+"."); ok {
			r.words[short] = i
		}
	}
	return r
}

func (r *root) Value() reflect.Value { return r.value }

func (r *root) GetChildNodeByField(field string) (model.ValueNode, error) {
	i, ok := r.words[field]
	if !ok || r.box.words[i].method != nil {
		return nil, r.err("field " + field)
	}
	return r.box.read(i)
}

// SetObjectValueByField sets a derived value; everything else is sealed.
func (r *root) SetObjectValueByField(field string, v reflect.Value) error {
	i, ok := r.words[field]
	if !ok || r.refusing != derivedRoot {
		return errSealed
	}
	return r.box.assign(i, v)
}

func (r *root) CallFunction(name string, args ...reflect.Value) (reflect.Value, error) {
	if r.refusing == "" {
		return r.box.call(name, args)
	}
	i, ok := r.words[name]
	if !ok {
		return reflect.Value{}, r.err("method " + name)
	}
	return r.box.method(i, args)
}
