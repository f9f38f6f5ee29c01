package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test binary stand in for Python: called with a script's name it speaks the script's side of the
// pipe.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "fake-ideal" {
		fakeScript()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "score" {
		fakeProgram()
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "fake-roofline" && os.Args[3] == "2" {
		fmt.Println(`{"threads": 2, "memory": {"read": 20, "copy": 18}, "products": [{"name": "engine", "bytes": 4,
			"points": [{"rows": 1, "inner": 8, "columns": 16, "gflops": 9}, {"rows": 64, "inner": 8, "columns": 16, "gflops": 400}]}]}`)
		return
	}
	os.Exit(m.Run())
}

func fakeScript() {
	if os.Args[2] != "padded" || os.Args[3] != "packed" || !slices.Equal(os.Args[4:], []string{"--packed-int8", "int8", "--openvino", "--threads", "2"}) {
		return
	}
	fmt.Println(`{"ways": ["padded 512", "packed 1024"], "threads": 2, "versions": {"onnxruntime": "1.27.0"}}`)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch line := lines.Text(); {
		case line == `{"texts":["a","b c"]}`:
			fmt.Println(`{"tokens": [1, 2]}`)
		case line == `{"run":"padded 512"}`:
			fmt.Println(`{"seconds": 0.5, "scores": [0.1, -0.2]}`)
		case line == `{"only":1,"run":"packed 512"}`:
			fmt.Println(`{"seconds": 0.25, "scores": [-0.2]}`)
		case strings.Contains(line, "short"):
			fmt.Println(`{"tokens": []}`)
		default:
			return
		}
	}
}

func TestIdealProcess(t *testing.T) {
	t.Parallel()
	ideal, err := StartIdeal(t.Context(), os.Args[0], "fake-ideal", Graphs{Padded: "padded", Packed: "packed", PackedInt8: "int8", OpenVINO: true}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if ideal.Info.Versions["onnxruntime"] != "1.27.0" || len(ideal.Info.Ways) != 2 {
		t.Errorf("info %+v", ideal.Info)
	}
	if tokens, err := ideal.Load([]string{"a", "b c"}); err != nil || len(tokens) != 2 || tokens[1] != 2 {
		t.Errorf("tokens %v, %v", tokens, err)
	}
	if pass, err := ideal.Run("padded 512"); err != nil || pass.Seconds != 0.5 || len(pass.Scores) != 2 {
		t.Errorf("pass %+v, %v", pass, err)
	}
	if pass, err := ideal.Single("packed 512", 1); err != nil || pass.Seconds != 0.25 || pass.Scores[0] != -0.2 {
		t.Errorf("single %+v, %v", pass, err)
	}
	if _, err := ideal.Load([]string{"short"}); err == nil {
		t.Error("an answer without the text's token count was accepted")
	}
	if _, err := ideal.Run("padded 7"); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("a child that ended gave %v", err)
	}
	if err := ideal.Close(); err != nil {
		t.Error(err)
	}
}

func TestIdealThatDoesNotStart(t *testing.T) {
	t.Parallel()
	if _, err := StartIdeal(t.Context(), os.Args[0], "fake-ideal", Graphs{Padded: "other", Packed: "packed"}, 2); err == nil || !strings.Contains(err.Error(), "no first line") {
		t.Errorf("got %v", err)
	}
	if _, err := StartIdeal(t.Context(), "/no/such/python", "x", Graphs{Padded: "padded", Packed: "packed"}, 2); err == nil {
		t.Error("a Python that is not there started")
	}
}
