package onnxrun

import (
	"fmt"
	"os"
)

// environment are the variables that CUDA's libraries read when they are loaded, and what is wanted of them. cuBLAS
// divides a sum among blocks of threads where it has memory for their parts, and whether it does follows the rows of
// the product: with 8 pieces of 16 KiB it does not, so that a row's sum has one order in any batch. The CUDA provider's
// bit 2 forbids it to add the parts of a sum up in 16 bits.
var environment = [...][2]string{{"CUBLAS_WORKSPACE_CONFIG", ":16:8"}, {"ORT_CUDA_GEMM_OPTIONS", "2"}}

// setEnvironment sets those variables that the process was started without. CUDA's libraries are not loaded yet.
func setEnvironment() error {
	for _, variable := range environment {
		if _, given := os.LookupEnv(variable[0]); given {
			continue
		}
		if err := os.Setenv(variable[0], variable[1]); err != nil {
			return err
		}
	}
	return nil
}

// Overridden says in a sentence of each of these variables that the process was started with another value, which is
// kept.
func Overridden() []string {
	var sentences []string
	for _, variable := range environment {
		if value, given := os.LookupEnv(variable[0]); given && value != variable[1] {
			sentences = append(sentences, fmt.Sprintf("%s is %q in the environment, and would be %q: on a GPU a score may depend on its batch",
				variable[0], value, variable[1]))
		}
	}
	return sentences
}
