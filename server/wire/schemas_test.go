package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/schemas.json anew")

// described has the OpenAPI description of every body.
func described() huma.Registry {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for _, body := range []any{
		ScoreRequest{},
		ScoreAnswer{},
		RankRequest{},
		RankAnswer{},
		CompareRequest{},
		CompareAnswer{},
		StepsRequest{},
		StepsAnswer{},
		ChooseRequest{},
		ChooseAnswer{},
		LogprobsRequest{},
		LogprobsAnswer{},
		EmbeddingsRequest{},
		EmbeddingsAnswer{},
		EmbeddingsProblem{},
		TokenizeRequest{},
		TokenizeAnswer{},
		OpenRLHFRequest{},
		OpenRLHFAnswer{},
		PoolingRequest{},
		PoolingAnswer{},
		PoolingMetadata{},
		ClassifyRequest{},
		ClassifyAnswer{},
		PairsRequest{},
		PairsAnswer{},
		GenerativeRequest{},
		VLLMProblem{},
		VersionAnswer{},
		SGLangRequest{},
		SGLangOutput{},
		SGLangScoreRequest{},
		SGLangScoreAnswer{},
		SGLangProblem{},
		SlimeRequest{},
		SlimeAnswer{},
		LLaMAFactoryRequest{},
		LLaMAFactoryAnswer{},
		OpenRRequest{},
		OpenRAnswer{},
		OpenRAddressRequest{},
		OpenRAddressAnswer{},
		OpenRProblem{},
		RerankRequest{},
		RerankAnswer{},
		TEIRequest{},
		TEIRank{},
		TEIPrediction{},
		TEIVertexRequest{},
		TEIVertexAnswer{},
		TEIInfo{},
		TEITokenizeRequest{},
		TEIToken{},
		TEIDecodeRequest{},
		HealthAnswer{},
		RewardChatRequest{},
		RewardChatAnswer{},
		RankingRequest{},
		RankingAnswer{},
		InfinityTextsRequest{},
		InfinityClassifyAnswer{},
		InfinityRerankAnswer{},
		InfinityEmbeddingsAnswer{},
		InfinityModelsAnswer{},
		OIPRequest{},
		OIPAnswer{},
		OIPServer{},
		OIPLive{},
		OIPReady{},
		OIPModels{},
		OIPModel{},
		OIPConfig{},
		OIPIndex{},
		GymVerify{},
		GymVerified{},
		GymNothing{},
		GymMetrics{},
		EvaluateRequest{},
		EvaluateAnswer{},
		GraderRequest{},
		GraderRun{},
		ORSGroup{},
		ORSScores{},
		ORSTools{},
		ModelsAnswer{},
		RunsAnswer{},
		RunAnswer{},
		StateRequest{},
		StateRead{},
		LoadRequest{},
		StateSnapshot{},
		StatesAnswer{},
		StateAnswer{},
		StateGone{},
		JobRequest{},
		JobGroup{},
		JobAnswer{},
		JobsAnswer{},
		JobGone{},
		AliveAnswer{},
		ReadyAnswer{},
		ProblemDetails{},
	} {
		registry.Schema(reflect.TypeOf(body), true, "")
	}
	return registry
}

// TestSchemas: the description that clients are made from changes only where someone means it to.
func TestSchemas(t *testing.T) {
	text, err := json.Marshal(described().Map())
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, text, "", " "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const file = "testdata/schemas.json"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

// breaches lists how a body that was read does not keep to the description of its form; nothing where it has none.
func breaches(registry huma.Registry, text []byte, into Form) []error {
	schema, ok := registry.Map()[reflect.TypeOf(into).Elem().Name()]
	if !ok {
		return nil
	}
	var value any
	var beyond *json.UnmarshalTypeError
	switch err := json.Unmarshal(text, &value); {
	case errors.As(err, &beyond): // a number beyond those of Go, in what nothing looks into
		return nil
	case err != nil:
		return []error{err}
	}
	result := &huma.ValidateResult{}
	huma.ValidateStrictCasing = true // names of fields are told apart by case, as the decoder tells them
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, result)
	return result.Errors
}

// TestFormsAreComplete: every field of a struct is read, under the name and in the place that the struct gives it.
func TestFormsAreComplete(t *testing.T) {
	complete(t, &messageForm)
	complete(t, &tagForm)
	complete(t, &itemForm)
	complete(t, &pairForm)
	complete(t, &scoreForm)
	complete(t, &stepsForm)
	complete(t, &logprobsForm)
	complete(t, &tokenizeForm)
	complete(t, &embeddingsForm)
	complete(t, &rankForm)
	complete(t, &compareForm)
	complete(t, &openRLHFForm)
	complete(t, &poolingForm)
	complete(t, &classifyForm)
	complete(t, &pairsForm)
	complete(t, &generativeForm)
	complete(t, &sglangForm)
	complete(t, &sglangScoreForm)
	complete(t, &slimeForm)
	complete(t, &llamaFactoryForm)
	complete(t, &openRForm)
	complete(t, &openRAddressForm)
	complete(t, &rerankForm)
	complete(t, &teiForm)
	complete(t, &hubForm)
	complete(t, &similarForm)
	complete(t, &teiVertexForm)
	complete(t, &teiTokenizeForm)
	complete(t, &teiDecodeForm)
	complete(t, &rewardChatForm)
	complete(t, &rankingForm)
	complete(t, &infinityForm)
	complete(t, &oipForm)
	complete(t, &oipInputForm)
	complete(t, &oipOutputForm)
	complete(t, &gymVerifyForm)
	complete(t, &gymCreateForm)
	complete(t, &gymResponseForm)
	complete(t, &gymTurnForm)
	complete(t, &gymRowsForm)
	complete(t, &evaluateForm)
	complete(t, &evaluateKwargsForm)
	complete(t, &graderRequestForm)
	complete(t, &graderForm)
	complete(t, &graderTurnForm)
	complete(t, &orsForm)
	complete(t, &orsCandidateForm)
	complete(t, &orsTurnForm)
	complete(t, &orsBlockForm)
	complete(t, &tokenizeLineForm)
	complete(t, &rankLineForm)
	complete(t, &compareLineForm)
	complete(t, &fitLineForm)
	complete(t, &goldenForm)
	complete(t, &stateSpecForm)
	complete(t, &stateRequestForm)
	complete(t, &stateUpdateForm)
	complete(t, &vectorPairForm)
	complete(t, &stateReadForm)
	complete(t, &loadForm)
	complete(t, &stateQueryForm)
	complete(t, &stateSnapshotForm)
	complete(t, &stateCellForm)
	complete(t, &jobRequestForm)
	complete(t, &jobGroupForm)
}

func complete[T any](t *testing.T, f *form[T]) {
	t.Helper()
	names := make([]string, len(f.fields))
	for i := range f.fields {
		names[i] = f.fields[i].name
	}
	of := reflect.TypeFor[T]()
	if diff := cmp.Diff(jsonNames(of), names); diff != "" || len(names) > 64 {
		t.Errorf("%s (-struct +form):\n%s", of, diff)
	}
}

// jsonNames lists the names of a struct's fields, those of embedded structs in their place.
func jsonNames(of reflect.Type) []string {
	var names []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			of := field.Type
			if of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			names = slices.Concat(names, jsonNames(of))
		case field.IsExported() && name != "-":
			names = append(names, name)
		}
	}
	return names
}
