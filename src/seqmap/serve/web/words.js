"use strict";
// What the page says, in each of its languages.
const WORDS = {
  en: {
    other: "中文", model: "Model", token: "Token", enter: "Enter", answer: "Answer",
    text: "Text", numbers: "Numbers, separated by commas, blanks or lines", json: "Input as JSON",
    example: "Type or paste a text …", empty: "Type something: the answer follows at once.",
    confidence: "confidence", doubt: "The model is unsure here.", none: "no label",
    why: "Why", whyHint: "Blue speaks for the answer, red against it. Dotted: words that the model does not know.",
    complete: (sum, error) => `The colours add up to ${sum}; the error of that sum is ${error}.`,
    gates: { input: "input gate", forget: "forget gate", cell: "cell", output: "output gate", state: "state", update: "update gate", reset: "reset gate" },
    growth: "As the text is read", growthHint: "The share of the final answer after each word.",
    about: "About this model", api: "Ask from a program", took: ms => `${ms} ms`,
    task: "Task", version: "Version", digest: "Digest", size: "Size", created: "Made", metrics: "On dev data", licence: "Licence", purpose: "For",
    wantsToken: "This server wants a token.", offline: "The server does not answer.",
    problem: text => `A newer file could not be loaded: ${text}`, badNumbers: "These are not all numbers.",
    badJson: "This is not JSON.", list: "a list of numbers", anything: "JSON",
  },
  zh: {
    other: "English", model: "模型", token: "令牌", enter: "进入", answer: "答案",
    text: "文本", numbers: "数字，用逗号、空格或换行分开", json: "JSON 输入",
    example: "输入或粘贴一段文字……", empty: "开始输入，答案会立刻出现。",
    confidence: "置信度", doubt: "模型在这里没有把握。", none: "没有标签",
    why: "为什么", whyHint: "蓝色支持这个答案，红色反对。带点的下划线：模型不认识的词。",
    complete: (sum, error) => `各处颜色之和为 ${sum}，这个和的误差是 ${error}。`,
    gates: { input: "输入门", forget: "遗忘门", cell: "细胞状态", output: "输出门", state: "隐藏状态", update: "更新门", reset: "重置门" },
    growth: "随着阅读", growthHint: "读完每个词之后，最终答案所占的比例。",
    about: "关于这个模型", api: "从程序里调用", took: ms => `${ms} 毫秒`,
    task: "任务", version: "版本", digest: "摘要", size: "大小", created: "制作时间", metrics: "验证集上", licence: "许可", purpose: "用途",
    wantsToken: "这台服务器需要令牌。", offline: "服务器没有回应。",
    problem: text => `新文件无法载入：${text}`, badNumbers: "这里有不是数字的内容。",
    badJson: "这不是 JSON。", list: "一列数字", anything: "JSON",
  },
};
