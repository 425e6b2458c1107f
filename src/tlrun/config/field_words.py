"""Words of the field, and which setting of tl-run each is: data for error messages and for help.

A word is known as a key (`epochs=10`), as a value (`strategy=finetune`) and by itself
(`tl-run help finetune`); capitals, - and spaces make no difference.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldWord:
    """What words of the field are here.

    words: in small letters, with _ between. setting: as it is typed, a whole command after
    `tl-run`. meaning: in a few words.
    """

    words: str
    setting: str
    meaning: str


STEPS = "the budget of a stage is in steps: steps = epochs x examples / batch_size"
PAIR = "dataset=pair dataset.source={} dataset.target={}"
TORCHVISION = "backbone=torchvision backbone.model={}"
SOURCE = "a source for a target; the two of torchvision's image sets that you name"

FIELD_WORDS = (
    FieldWord(
        "finetune fine_tune finetuning fine_tuning ft transfer_learning",
        "strategy=parameter_transfer lam.value=inf",
        "fine-tuning: the source's weights, trained on the target alone",
    ),
    FieldWord(
        "linear_probe linear_probing probe probing lp freeze frozen feature_extraction "
        "feature_extractor freeze_backbone",
        "strategy=feature_transfer lam.value=inf",
        "the backbone held fixed, a new head trained on the target alone",
    ),
    FieldWord(
        "lp_ft lpft",
        "strategy=parameter_transfer lam.value=inf strategy.warmup=50",
        "a linear probe first, then fine-tuning",
    ),
    FieldWord(
        "unfreeze partial_finetuning last_layer",
        "strategy=parameter_transfer strategy.train=last",
        "which part of the backbone is trained: head, last, first, norm or all",
    ),
    FieldWord(
        "from_scratch baseline no_transfer target_only random_init",
        "strategy=scratch",
        "the target alone, from random weights",
    ),
    FieldWord("zero_shot source_model", "strategy=source_only", "the source's model, untouched"),
    FieldWord(
        "pretrained pretraining pretrain pretrained_weights imagenet imagenet1k",
        "backbone=efficientnet_lite0",
        "a backbone with ImageNet's weights; of other models: backbone.weights",
    ),
    FieldWord(
        "mtl multitask multi_task multitask_learning multi_task_learning hard_sharing "
        "hard_parameter_sharing",
        "strategy=shared_parameters dataset=digits_tasks",
        "several tasks on one backbone; task_relation and task_transfer are the others",
    ),
    FieldWord(
        "soft_parameter_sharing",
        "strategy=task_relation strategy.relation=soft_sharing dataset=digits_domains",
        "each task's head drawn to the others'",
    ),
    FieldWord(
        "distil distill kd knowledge_distillation",
        "strategy=task_transfer strategy.transfer=distillation dataset=digits_binary",
        "tasks that learn from one another's outputs",
    ),
    FieldWord("epoch epochs num_epochs n_epochs max_epochs", "trainer.steps=500", STEPS),
    FieldWord(
        "iterations iters num_steps max_steps n_steps updates budget",
        "trainer.steps=500",
        "updates of the weights in one stage",
    ),
    FieldWord("batchsize bs batch minibatch", "trainer.batch_size=64", "examples in a step"),
    FieldWord("batch_size", "trainer.batch_size=64", "examples of each domain in a step"),
    FieldWord("learning_rate lr eta step_size", "optimizer.lr=0.01", "the learning rate"),
    FieldWord("wd l2 weight_decay", "optimizer.weight_decay=0.01", "the decay of the weights"),
    FieldWord("momentum", "optimizer=sgd optimizer.momentum=0.9", "of SGD"),
    FieldWord("optim opt solver", "optimizer=adam", "adam, adamw or sgd"),
    FieldWord(
        "scheduler lr_scheduler lr_schedule cosine_annealing",
        "optimizer.schedule=cosine",
        "the learning rate from lr to 0 over each stage",
    ),
    FieldWord(
        "λ lambda lambda_ lmbda weight weighting tradeoff trade_off",
        "lam.value=1",
        "λ, how strong the target's loss is: 0 the source alone, inf the target alone",
    ),
    FieldWord(
        "early_stopping early_stop patience best_model checkpoint",
        "trainer.select=best dataset.val_share=0.2",
        "the evaluation with the lowest validation loss is kept; all steps are done",
    ),
    FieldWord("validation val val_split", "dataset.val_share=0.2", "labels kept for validation"),
    FieldWord("test_size test_split", "dataset.test_share=0.6", "the share that tests"),
    FieldWord(
        "few_shot shots shot n_shot k_shot labeled labelled n_labels num_labels",
        "dataset.labels_per_class=5",
        "labelled examples of the target in each class",
    ),
    FieldWord(
        "cv cross_validation kfold k_fold folds n_folds n_splits",
        "dataset=table_csv dataset.path=table.csv dataset.test_folds=5",
        "every row of your table tests once",
    ),
    FieldWord(
        "augmentation augment data_augmentation",
        "trainer.augment=[flip,crop]",
        "images changed at random in training",
    ),
    FieldWord(
        "amp mixed_precision bf16 fp16 half", "trainer.precision=bf16", "autocast in training"
    ),
    FieldWord("gpu cuda gpus", "device=cuda", "auto, the default, takes a GPU where there is one"),
    FieldWord("cpu", "device=cpu", "the processor, even where there is a GPU"),
    FieldWord("random_seed random_state manual_seed", "seed=3", "or several: -m seeds=10"),
    FieldWord(
        "n_seeds num_seeds repeats runs trials n_runs", "seeds=10", "a sweep over ten: add -m"
    ),
    FieldWord("workers num_workers n_jobs jobs parallel", "sweep.jobs=4", "processes at a time"),
    FieldWord("num_threads n_threads", "threads=1", "of one process"),
    FieldWord(
        "output output_dir out_dir save_dir log_dir logdir outdir results_dir",
        "runs_dir=runs",
        "where the folders of runs are",
    ),
    FieldWord("acc accuracy", "dataset.metric=accuracy", "by what a task is judged"),
    FieldWord(
        "auroc roc_auc auc", "dataset.metric=auc dataset=digits_binary", "the area under ROC"
    ),
    FieldWord("metric metrics", "dataset.metric=accuracy", "by what a task is judged"),
    FieldWord(
        "csv csv_path table tabular excel xlsx parquet pandas dataframe",
        "dataset=table_csv dataset.path=table.csv",
        "your own table, a column to predict",
    ),
    FieldWord(
        "text texts nlp sentiment reviews",
        "dataset=text_csv dataset.path=reviews.csv",
        "your own texts; imdb and fdu_mtl are published ones",
    ),
    FieldWord(
        "images image photos imagefolder",
        "dataset=image_folder dataset.path=photos",
        "your own photos in folders, <class>/*",
    ),
    FieldWord(
        "data_path data_dir data",
        "dataset=table_csv dataset.path=table.csv",
        "your own file; of photos dataset=image_folder, of texts dataset=text_csv",
    ),
    FieldWord("mnist usps", PAIR.format("mnist", "usps"), SOURCE),
    FieldWord("svhn", PAIR.format("svhn", "mnist"), SOURCE),
    FieldWord("fashion_mnist fashion fmnist", PAIR.format("mnist", "fashion_mnist"), SOURCE),
    FieldWord("cifar10 cifar cifar_10", "dataset=cifar10_domains", "CIFAR-10 in four domains"),
    FieldWord("cifar100 cifar_100", PAIR.format("cifar100", "cifar10"), SOURCE),
    FieldWord("resnet resnet18", TORCHVISION.format("resnet18"), "an image model of torchvision"),
    FieldWord("resnet34", TORCHVISION.format("resnet34"), "an image model of torchvision"),
    FieldWord("resnet50", TORCHVISION.format("resnet50"), "an image model of torchvision"),
    FieldWord("vgg vgg16", TORCHVISION.format("vgg16"), "an image model of torchvision"),
    FieldWord(
        "densenet densenet121", TORCHVISION.format("densenet121"), "an image model of torchvision"
    ),
    FieldWord(
        "mobilenet mobilenet_v2", TORCHVISION.format("mobilenet_v2"), "a model of torchvision"
    ),
    FieldWord("efficientnet", "backbone=efficientnet_lite0", "EfficientNet-Lite0, on ImageNet"),
    FieldWord("vit vit_b_16", TORCHVISION.format("vit_b_16"), "an image model of torchvision"),
    FieldWord("cnn convnet", "backbone=conv", "convolutions"),
    FieldWord("nn dnn fc dense feedforward", "backbone=mlp", "fully connected layers"),
    FieldWord("linear none", "backbone=identity", "no backbone: a linear model on the input"),
    FieldWord(
        "bert transformer distilbert roberta encoder",
        "backbone=minilm dataset=text_csv dataset.path=reviews.csv",
        "a small pretrained BERT; backbone.weights=PATH is another",
    ),
    FieldWord(
        "rnn gru", "backbone=lstm dataset=text_csv dataset.path=reviews.csv", "layers of LSTM"
    ),
    FieldWord(
        "logistic_regression ridge logreg",
        "strategy=linear_model dataset=digits_binary",
        "of the inputs, by scikit-learn",
    ),
    FieldWord(
        "xgboost lightgbm gbdt boosting gbm",
        "strategy=gradient_boosting dataset=digits_binary",
        "histogram gradient boosting, by scikit-learn",
    ),
    FieldWord(
        "dropout",
        "backbone.dropout=0.1 backbone=bag dataset=text_csv dataset.path=reviews.csv",
        "of backbones of texts",
    ),
)

# Words of other command lines, and what does it here.
COMMAND_WORDS = {
    "run train fit start go launch exec": "tl-run alone trains; key=value says what",
    "sweep grid multirun hparams": "tl-run -m lam.value=0,1,inf seeds=10 sweeps over values",
    "test eval evaluate score": "a run is tested: tl-run show RUN or report; sealed: final RUN",
    "infer inference": "new rows are answered by tl-run predict RUN new.csv -o out.csv",
    "list runs history status": "tl-run ls lists the runs",
    "compare results summary table leaderboard": "tl-run report compares what has been run",
    "plot html view dashboard": "tl-run report --html report.html writes a page",
    "tensorboard": "tl-run export --tensorboard DIR writes the curves of runs for it",
    "rm remove delete prune": "tl-run clean frees disk, and asks first",
    "resume continue restart": "the same command again goes on from what is finished",
    "init new config configure": "tl-run --cfg job prints every key; nothing has to be set up",
    "check info env debug": "tl-run doctor looks at this machine",
    "version": "tl-run --version",
    "completion complete": 'eval "$(tl-run --shell-completion install=bash)"',
    "exit quit stop kill": "Ctrl-C stops a run; the same command goes on",
}  # fmt: skip


def plain(word: str) -> str:
    """A word as the table has it."""
    return word.strip().lower().replace("-", "_").replace(" ", "_")


BY_WORD = {word: entry for entry in FIELD_WORDS for word in entry.words.split()}
BY_COMMAND = {word: said for words, said in COMMAND_WORDS.items() for word in words.split()}


def that_is(word: str) -> str:
    """Which setting a word of the field is, in a line without the word; nothing of another word."""
    entry = BY_WORD.get(plain(word))
    return f"that is {entry.setting} ({entry.meaning})" if entry is not None else ""
