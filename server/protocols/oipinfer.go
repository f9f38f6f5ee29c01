package protocols

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// oipHeader says how many bytes of a body are its JSON; the tensors that are bytes follow. Without it all is JSON.
const oipHeader = "Inference-Header-Content-Length"

// askOIP reads the JSON and the tensors behind it.
func askOIP(c *Call) (Asked, error) {
	of, err := oipModelOf(c)
	if err != nil {
		return Asked{}, err
	}
	head, rest := c.Body, []byte(nil)
	if given := c.Request.Header.Get(oipHeader); given != "" {
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil || n < 0 || n > int64(len(c.Body)) {
			return Asked{}, invalid("%s: is %q, and the body has %d bytes", oipHeader, fault.Short(given), len(c.Body))
		}
		head, rest = c.Body[:n], c.Body[n:]
	}
	var form wire.OIPRequest
	if err := wire.DecodeBody(head, &form, c.Limits); err != nil {
		return Asked{}, err
	}
	body := oipBody{form: &form, rest: rest, most: c.Limits.Items}
	if err := body.read(); err != nil {
		return Asked{}, err
	}
	asked := Asked{Request: rewards.Request{Question: of.question, Model: of.name, Refused: body.refused}}
	answering := oipAnswering{model: of, id: form.ID, datatype: "FP32"}
	if asked.Items, answering.items, err = body.items(); err != nil {
		return Asked{}, err
	}
	if err := answering.parameters(&asked, form.Parameters); err != nil {
		return Asked{}, err
	}
	if err := answering.choose(form.Outputs); err != nil {
		return Asked{}, err
	}
	asked.Reply = answering.reply
	return asked, nil
}

// oipAnswering is what a request says of its answer.
type oipAnswering struct {
	model    oipModel
	id       string
	items    string // the tensor that an item's error is told of
	datatype string // of numbers
	binary   bool   // outputs that say nothing come as bytes
	outputs  []oipWanted
	errors   bool // the errors of items are wanted beside what the others have
}

type oipWanted struct {
	name   string
	binary bool
}

// parameters reads those of a request. What Triton's clients send for other kinds of model is passed over.
func (a *oipAnswering) parameters(asked *Asked, of wire.OIPParameters) error {
	separator := "\n\n"
	for name, value := range of {
		var err error
		switch name {
		case "timeout":
			var micros float64
			if err = oipParameter(name, value, &micros); err == nil && (micros < 0 || micros > wire.MaxTimeout*1000) {
				err = invalid("parameters.timeout: %v is not between 0 and %d microseconds", value, wire.MaxTimeout*1000)
			}
			asked.Timeout = time.Duration(micros) * time.Microsecond
		case "truncate":
			var word string
			err = oipParameter(name, value, &word)
			asked.Truncate = encode.Truncation(word)
		case "label":
			err = oipParameter(name, value, &asked.Label)
		case "separator":
			err = oipParameter(name, value, &separator)
		case "datatype":
			if err = oipParameter(name, value, &a.datatype); err == nil && a.datatype != "FP32" && a.datatype != "FP64" {
				err = invalid("parameters.datatype: %q is none of FP32 and FP64", fault.Short(a.datatype))
			}
		case "binary_data_output":
			err = oipParameter(name, value, &a.binary)
		}
		if err != nil {
			return err
		}
	}
	if a.model.question == rewards.Steps && a.items == "response" {
		for i := range asked.Items {
			asked.Items[i].Separator = &separator
		}
	}
	return nil
}

// oipParameter takes a parameter of a type.
func oipParameter[T any](name string, value any, into *T) error {
	of, is := value.(T)
	if !is {
		return invalid("parameters.%s: is %v, and must be a %T", name, value, of)
	}
	*into = of
	return nil
}

// choose takes the outputs that a request names: those that the model lists, and errors.
func (a *oipAnswering) choose(named []wire.OIPOutput) error {
	has := a.model.outputs()
	a.outputs = make([]oipWanted, 0, max(len(has), len(named)))
	if len(named) == 0 {
		for i := range has {
			a.outputs = append(a.outputs, oipWanted{has[i].name, a.binary})
		}
	}
	for i := range named {
		of := oipWanted{named[i].Name, a.binary}
		if of.name != oipErrors && !slices.ContainsFunc(has, func(t oipTensor) bool { return t.name == of.name }) {
			names := make([]string, len(has))
			for k := range has {
				names[k] = has[k].name
			}
			return invalid("outputs[%d].name: %q is none of %s and %s", i, fault.Short(of.name), strings.Join(names, ", "), oipErrors)
		}
		for name, value := range named[i].Parameters {
			switch name {
			case "binary_data":
				if err := oipParameter(name, value, &of.binary); err != nil {
					return err
				}
			case "classification":
				if value != 0.0 {
					return invalid("outputs[%d].parameters.classification: a reward is no classification; ask without it", i)
				}
			case "shared_memory_region":
				return invalid("outputs[%d].parameters.shared_memory_region: shared memory is not served", i)
			}
		}
		a.errors = a.errors || of.name == oipErrors
		a.outputs = append(a.outputs, of)
	}
	return nil
}
