package papers

// title is a paper, what kind of reward it has, and where its formula was read.
type title struct {
	title, kind, read string
	note              string // why there is no recipe, or what there is beside them
}

const (
	code     = "the authors' code"
	text     = "the paper"
	abstract = "the abstract"
	notes    = "notes of others"

	byEval = "Nothing to compute of readings: its measures are formats of `assay eval` ([EVAL.md](EVAL.md))."
)

// titles are the papers that the recipes set out from.
var titles = []title{
	{"Reward Design for Justifiable Sequential Decision-Making", "a judge of features; a debate", code, ""},
	{"LLM-based Rewriting of Inappropriate Argumentation using Reinforcement Learning from Machine Feedback", "classifiers of one text; token embeddings", code, ""},
	{"Aligning Language Models Using Follow-up Likelihood as Reward Signal", "likelihood of follow-ups", code, ""},
	{"Leveraging Domain Knowledge for Efficient Reward Modelling in RLHF: A Case-Study in E-Commerce Opinion Summarization", "features", notes, ""},
	{"Secrets of RLHF in Large Language Models Part II: Reward Modeling", "an ensemble of rewards", text, ""},
	{
		"Which Side Are You On? A Multi-task Dataset for End-to-End Argument Summarisation and Evaluation", "rankings and ratings", abstract,
		"`/v1/rank` orders evidence by any reward model. " + byEval,
	},
	{"Online Intrinsic Rewards for Decision Making Agents from Large Language Model Feedback", "a reward, labels that are kept, running numbers", code, ""},
	{"General Preference Modeling with Preference Representations for Aligning Language Models", "preference embeddings", code, ""},
	{"Tool-Augmented Reward Modeling", "a reward of a trace", code, "The loop that calls tools generates text, and is the client's."},
	{"Direct Nash Optimization: Teaching Language Models to Self-Improve with General Preferences", "preferences", text, ""},
	{"On Designing Effective RL Reward at Training Time for LLM Reasoning", "steps", notes, ""},
	{"Evaluating Robustness of Reward Models for Mathematical Reasoning", "steps", code, "`assay eval` reads its file, one against nine."},
	{
		"Confronting Reward Model Overoptimization with Constrained RLHF", "several rewards and multipliers", code,
		"`constrained-dual` keeps the multipliers in a state ([API.md](API.md)) and takes a dual step with each request; of `constrained-mixture` the " +
			"trainer keeps them.",
	},
	{
		"Encouraging Divergent Thinking in Large Language Models through Multi-Agent Debate", "a debate", code,
		"Debaters and moderator generate text, which this server does not: there is nothing to read.",
	},
	{"Policy Filtration in RLHF to Fine-Tune LLM for Code Generation", "a reward", code, "`/v1/rank` has its strategies too: `best_of_n`, `best_worst`, `best_random`, `power_weights`."},
	{"MedS^3: Towards Medical Small Language Models with Self-Evolved Slow Thinking", "steps", code, ""},
	{"Unpacking DPO and PPO: Disentangling Best Practices for Learning from Preference Feedback", "a reward", code, ""},
	{"On the Conversational Persuasiveness of Large Language Models: A Randomized Controlled Trial", "a measure", abstract, byEval},
	{"How susceptible are LLMs to Logical Fallacies?", "a debate", code, "Persuader, debater and moderator generate text. " + byEval},
	{
		"Refine and Imitate: Reducing Repetition and Inconsistency in Persuasion Dialogues via Reinforcement Learning and Human Demonstration",
		"a table of rules", code, "",
	},
	{"Rewarding Progress: Scaling Automated Process Verifiers for LLM Reasoning", "steps", text, ""},
	{"MM-RLHF: The Next Step Forward in Multimodal LLM Alignment", "a reward behind a critique", code, "Critiques and images are the client's: texts are read."},
	{
		"PAL: Pluralistic Alignment Framework for Learning from Heterogeneous Preferences", "embeddings and a user's point", code,
		"The client brings the user's point, in the space of the embedding model's vectors, for the prototypes that it is mixed of (of PAL-B networks " +
			"over the prompt) are trained with the checkpoint, beside the embedding f, and a bundle has f alone. A client that has the prototypes of PAL-A " +
			"may declare a state of kind users with them (`fit: weights`, [API.md](API.md)): the server then fits the user's weights to pairs and gives " +
			"the same reward. Without prototypes `fit: ideal` fits the point itself.",
	},
	{"CREAM: Consistency Regularized Self-Rewarding Language Models", "likelihoods of two policies", code, ""},
	{"Preference-free Alignment Learning with Regularized Relevance Reward", "embeddings and text", code, ""},
	{"CDR: Customizable Density Ratios of Strong-over-weak LLMs for Preference Annotation", "likelihoods of two models", code, ""},
	{"Teaching Models to Balance Resisting and Accepting Persuasion", "candidates; a tree", code, ""},
	{"The Trickle-down Impact of Reward (In-)consistency on RLHF", "a reward and its neighbours", code, ""},
	{"Reward Generalization in RLHF: A Topological Perspective", "a reward", notes, ""},
	{"Value-Incentivized Preference Optimization: A Unified Approach to Online and Offline RLHF", "a log-ratio", notes, ""},
	{
		"RAG-RewardBench: Benchmarking Reward Models in Retrieval Augmented Generation for Preference Alignment", "a reward of long prompts", code,
		"`assay eval` reads its pairs by subset.",
	},
	{"On scalable oversight with weak LLMs judging strong LLMs", "preferences of a judge", text, "Debaters and judge generate text; the ratings of their games are here."},
	{"Transforming and Combining Rewards for Aligning Large Language Models", "several rewards and references", notes, ""},
	{
		"Personalizing Reinforcement Learning from Human Feedback with Variational Preference Learning", "a reward that takes the user's vector", code,
		"The client brings the user's latent z as the item's `user`, for the encoder that infers it reads a set of encoded pairs, by attention over " +
			"them, and no kind of bundle reads a set; only the decoder r(x, y, z) is a head that a bundle can have. Without the encoder `assay fit` finds " +
			"the z that makes a user's pairs likely under that head, and a state of kind users (`fit: latent`, [API.md](API.md)) keeps one whose reward is " +
			"z · e. The scaling across users is over 1,000 fixed states and a pair network of its own, both of the training data, and is the client's too.",
	},
	{"Nash Learning from Human Feedback", "preferences and a log-ratio", notes, ""},
	{"A Minimaximalist Approach to Reinforcement Learning from Human Feedback", "preferences", abstract, ""},
	{"Scaling Autonomous Agents via Automatic Reward Modeling And Planning", "a reward of a trajectory", code, ""},
	{
		"The Alignment Ceiling: Objective Mismatch in Reinforcement Learning from Human Feedback", "a measure", abstract,
		byEval + " The run's watch ([API.md](API.md)) shows how rewards drift.",
	},
	{"HelpSteer2-Preference: Complementing Ratings with Preferences", "ratings of attributes", code, ""},
	{"Explaining Large Language Models Decisions Using Shapley Values", "likelihoods under masked prompts", abstract, ""},
	{
		"Iterative Nash Policy Optimization: Aligning LLMs with General Preferences via No-Regret Learning", "preferences, a tournament", text,
		"`/v1/rank` has `tournament` as a strategy too.",
	},
	{"Free Process Rewards without Process Labels", "log-ratios at the ends of steps", code, ""},
	{
		"Few-shot In-Context Preference Learning Using Large Language Models", "programs that a language model writes", code,
		"A language model writes reward programs, and a human names the best and the worst: there is nothing to read.",
	},
	{"Process Reinforcement through Implicit Rewards", "log-ratios of tokens", code, ""},
	{
		"ReNO: Enhancing One-step Text-to-Image Models through Reward-based Noise Optimization", "images", code,
		"Its rewards read images, which this server does not yet.",
	},
	{"Value Augmented Sampling for Language Model Alignment and Personalization", "values of continuations", code, ""},
	{"Pairwise Proximal Policy Optimization: Harnessing Relative Feedback for LLM Alignment", "a reward", notes, ""},
	{
		"GLEE: A Unified Framework and Benchmark for Language-based Economic Environments", "a measure of games", code,
		"Gains, efficiency and fairness are of a game's log and of no model's reading: the recipes take what a request says of each game, and `assay eval` " +
			"has their means over a file of games (format `glee`, [EVAL.md](EVAL.md)).",
	},
	{"Self-Consistency of the Internal Reward Models Improves Self-Rewarding Language Models", "a log-ratio and a judgement", abstract, ""},
	{
		"What Are Step-Level Reward Models Rewarding? Counterintuitive Findings from MCTS-Boosted Mathematical Reasoning", "a value of parts of a solution", text,
		"The whole trajectory (FC) and the next thought (NT) are a plain reward model's.",
	},
	{"SocraSynth: Multi-LLM Reasoning with Conditional Statistics", "a weighted sum of judgements", text, "Debaters and judges generate text; what they judged is summed here."},
	{"Models of human preference for learning reward functions", "numbers of a segment", code, ""},
	{"The Lessons of Developing Process Reward Models in Mathematical Reasoning", "steps", notes, "`assay eval` reads ProcessBench."},
	{"RAFT: Reward rAnked FineTuning for Generative Foundation Model Alignment", "a reward", code, "`/v1/rank` has `top_share` as a strategy too."},
	{"B-STaR: Monitoring and Balancing Exploration and Exploitation in Self-Taught Reasoners", "steps and the final answer", code, ""},
	{
		"Using Human Feedback to Fine-tune Diffusion Models without Any Reward Model", "none", code,
		"It has no reward model, and nothing to serve.",
	},
}
